/**
 * Fault injection, as an interface for tests (the model is kfake's `ControlKey`): the next requests that match can be made to
 * fail with any code, before or after their work is done, to be late, to lose their answer, to lose their connection,
 * or (Fetch) to give records that don't match their checksum.
 */
import type { ErrorCode } from "./protocol/error_code.ts";

/** What shall go wrong, with which requests, how often. */
export interface FaultSpec {
  /** Requests of this API only. The numbers are in `ApiKey`. */
  readonly apiKey: number;
  /** How many requests, 1 when left out. `Infinity` until removed. */
  readonly times?: number;
  /** Only requests that name this topic. */
  readonly topic?: string;
  /** Only requests of this group. */
  readonly group?: string;
  /** Only requests of this client. */
  readonly clientId?: string;

  /** Wait this long before anything else. */
  readonly delay_ms?: number;
  /** Answer with this code instead of doing the work. */
  readonly errorCode?: ErrorCode;
  /** With `errorCode`: do the work first, then answer with the code. */
  readonly afterWork?: boolean;
  /** Do the work, then close the connection without an answer. */
  readonly loseAnswer?: boolean;
  /** Close the connection, the work not done. */
  readonly closeConnection?: boolean;
  /** Fetch: flip a bit in the records, so that they no longer match their CRC. */
  readonly corruptRecords?: boolean;
}

/** What a fault is matched against. */
export interface FaultSubject {
  readonly apiKey: number;
  readonly topics: readonly string[];
  readonly group: string | null;
  readonly clientId: string;
}

interface ArmedFault {
  readonly id: number;
  readonly spec: FaultSpec;
  left: number;
}

/** The faults that wait for their requests. */
export class Faults {
  private armed: ArmedFault[] = [];

  /** `onHit` is called each time a fault strikes; `left` is how often it will strike again. */
  constructor(private readonly onHit: (id: number, left: number) => void) {}

  add(id: number, spec: FaultSpec): void {
    this.armed.push({ id, spec, left: spec.times ?? 1 });
  }

  remove(id: number): void {
    this.armed = this.armed.filter((fault) => fault.id !== id);
  }

  /** The first fault that matches, counted as struck. Cheap when there is none, as always outside of tests. */
  take(subject: FaultSubject): FaultSpec | undefined {
    if (this.armed.length === 0) return undefined;
    const fault = this.armed.find(({ spec }) => matches(spec, subject));
    if (fault === undefined) return undefined;
    fault.left--;
    if (fault.left <= 0) this.remove(fault.id);
    this.onHit(fault.id, fault.left);
    return fault.spec;
  }
}

function matches(spec: FaultSpec, subject: FaultSubject): boolean {
  return spec.apiKey === subject.apiKey &&
    (spec.topic === undefined || subject.topics.includes(spec.topic)) &&
    (spec.group === undefined || spec.group === subject.group) &&
    (spec.clientId === undefined || spec.clientId === subject.clientId);
}
