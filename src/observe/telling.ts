/**
 * A event as it is told outside: its level, its sentence and its detail as JSON. The log, the event stream and whatever else
 * shows events all take them from here.
 */
import type { ServiceEvent } from "./observe.ts";
import { type Level, type Telling, VOCABULARY } from "./vocabulary.ts";

/** The telling of whatever happened; the union of all names can't be followed by the compiler. */
function tellingOf({ name }: ServiceEvent): Telling<ServiceEvent["detail"]> {
  return VOCABULARY[name] as Telling<ServiceEvent["detail"]>;
}

/** How bad it is. */
export function levelOf(event: ServiceEvent): Level {
  const { level } = tellingOf(event);
  return typeof level === "function" ? level(event.detail) : level;
}

/** What happened, in one sentence. */
export function sayingOf(event: ServiceEvent): string {
  return tellingOf(event).say(event.detail);
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
