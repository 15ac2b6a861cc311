/**
 * Explains why Redpanda ended: its last lines and, for the usual reasons, a hint.
 *
 * Sources of the patterns: Redpanda's source (syschecks.cc, application.cc), Seastar's messages, and traces that users posted.
 */
import { PermanentError } from "@gmn/failures";
import type { ChildEnd } from "./child.ts";

interface KnownDeath {
  readonly pattern: RegExp;
  readonly hint: string;
}

/** Redpanda died because another program uses one of its ports. */
export class PortTakenError extends PermanentError {
  override readonly name = "PortTakenError";
}

/** The system's message (strerror), and the code of Deno and Node. */
const PORT_TAKEN = /Address already in use|EADDRINUSE/;

const MORE_MEMORY =
  "Redpanda needs at least 1 GiB for itself: give the machine 2 GB and set REDPANDA_MEMORY to 1200M, " +
  "or use BROKER=embedded.";

const KNOWN: readonly KnownDeath[] = [
  { pattern: /insufficient physical memory|below recommended|bad_alloc/, hint: MORE_MEMORY },
  {
    pattern: PORT_TAKEN,
    hint:
      "Stop what uses the port, or set KAFKA_PORT and SCHEMA_REGISTRY_PORT to others (0 takes a free one).",
  },
  {
    pattern: /Crash loop detected/,
    hint:
      "It ended uncleanly too often. When the reason is fixed, delete DATA_DIR/redpanda/data/startup_log.",
  },
  {
    pattern: /Permission denied/,
    hint: "The user of this process must own DATA_DIR/redpanda.",
  },
  {
    pattern: /aio-max-nr|Could not setup Async I\/O/,
    hint: "The system has no room for asynchronous reads: sysctl -w fs.aio-max-nr=1048576.",
  },
  {
    pattern: /pid\.?(?:lock|file)/i,
    hint: "Another Redpanda works on DATA_DIR/redpanda/data: stop it first.",
  },
  {
    pattern: /No space left on device/,
    hint: "The disk is full.",
  },
];

/** How many lines the message shows; the log has the others. */
const SHOWN_LINES = 5;

/** Turns the end into an error. `doing` says what failed: "Redpanda did not start". */
export function deathOf(end: ChildEnd, doing: string): PermanentError {
  const text = end.lines.join("\n");
  const known = KNOWN.find(({ pattern }) => pattern.test(text));
  // The line with the reason, or otherwise the last lines.
  const telling = known === undefined
    ? end.lines.slice(-SHOWN_LINES)
    : end.lines.filter((line) => known.pattern.test(line)).slice(-1);
  const Death = known?.pattern === PORT_TAKEN ? PortTakenError : PermanentError;
  return new Death(`${doing}: ${howItEnded(end)}${describe(telling)}`, {
    hint: known?.hint ??
      (end.signal === "SIGKILL"
        ? `It was killed from outside, most likely because memory ran out. ${MORE_MEMORY}`
        : "LOG_LEVEL=debug shows its whole log."),
  });
}

function howItEnded({ code, signal }: ChildEnd): string {
  if (signal !== null) return `it was ended by ${signal}`;
  return code === null ? "it could not be executed" : `it exited with ${code}`;
}

const describe = (lines: readonly string[]): string =>
  lines.length === 0 ? "" : `: ${lines.join(" | ")}`;
