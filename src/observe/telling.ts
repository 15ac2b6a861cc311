/**
 * A happening as it is told outside: its level, its sentence and its detail as JSON. The log, the event stream and whatever else
 * shows happenings all take them from here.
 */
import type { Happening } from "./observe.ts";
import { type Level, type Telling, VOCABULARY } from "./vocabulary.ts";

/** The telling of whatever happened; the union of all names can't be followed by the compiler. */
function tellingOf({ name }: Happening): Telling<Happening["detail"]> {
  return VOCABULARY[name] as Telling<Happening["detail"]>;
}

/** How bad it is. */
export function levelOf(happening: Happening): Level {
  const { level } = tellingOf(happening);
  return typeof level === "function" ? level(happening.detail) : level;
}

/** What happened, in one sentence. */
export function sayingOf(happening: Happening): string {
  return tellingOf(happening).say(happening.detail);
}

/** The detail for JSON, which knows no bigint: offsets become text. */
export function plainDetail(detail: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(detail).map(([key, value]) => [
      key,
      typeof value === "bigint" ? value.toString() : value,
    ]),
  );
}
