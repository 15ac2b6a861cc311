/**
 * Fault injection for tests (modelled on kfake's `ControlKey`). The next matching requests can fail with any error code,
 * before or after their work, can be delayed, can lose their answer or their connection,
 * or (Fetch) can return records that don't match their checksum.
 */
import type { ErrorCode } from "@gmn/kafka-formats";
import { setTimeout as wait } from "node:timers/promises";
import type { Intercept } from "../../network/dispatch.ts";

/** The kind of fault, the requests that it affects, and how often. */
export interface FaultSpec {
  /** Requests of this API only. The numbers are in `ApiKey`. */
  readonly apiKey: number;
  /** How many requests, 1 by default. `Infinity` means until removed. */
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
  /** Close the connection without doing the work. */
  readonly closeConnection?: boolean;
  /** Fetch: flip a bit in the records, so that they no longer match their CRC. */
  readonly corruptRecords?: boolean;
}

interface ArmedFault {
  readonly id: number;
  readonly spec: FaultSpec;
  left: number;
}

/** The common fields of requests that name topics or a group. */
interface NamedParts {
  readonly topics?: readonly (string | { readonly name: string })[] | null;
  readonly resources?: readonly { readonly name: string }[];
  readonly groupId?: string;
  readonly groupIds?: readonly string[];
  readonly groups?: readonly { readonly groupId: string }[];
  /** FindCoordinator. */
  readonly key?: string;
}

const topicsOf = ({ topics, resources }: NamedParts): readonly string[] =>
  (topics ?? resources ?? []).map((one) => typeof one === "string" ? one : one.name);

const groupOf = ({ groupId, groupIds, groups, key }: NamedParts): string | undefined =>
  groupId ?? groupIds?.[0] ?? groups?.[0]?.groupId ?? key;

/** The pending faults. */
export class Faults {
  private armed: ArmedFault[] = [];

  /** `onHit` is called each time a fault occurs; `left` is how often it will still occur. */
  constructor(private readonly onHit: (id: number, left: number) => void) {}

  add(id: number, spec: FaultSpec): void {
    this.armed.push({ id, spec, left: spec.times ?? 1 });
  }

  remove(id: number): void {
    this.armed = this.armed.filter((fault) => fault.id !== id);
  }

  /** Returns the first matching fault and counts its occurrence. */
  private take(apiKey: number, request: NamedParts, clientId: string): FaultSpec | undefined {
    const fault = this.armed.find(({ spec }) =>
      spec.apiKey === apiKey &&
      (spec.topic === undefined || topicsOf(request).includes(spec.topic)) &&
      (spec.group === undefined || spec.group === groupOf(request)) &&
      (spec.clientId === undefined || spec.clientId === clientId)
    );
    if (fault === undefined) return undefined;
    fault.left--;
    if (fault.left <= 0) this.remove(fault.id);
    this.onHit(fault.id, fault.left);
    return fault.spec;
  }

  /** Applies the faults to requests. */
  readonly intercept: Intercept = async (api, request, { clientId }, work) => {
    const fault = this.take(api.key, request ?? {}, clientId);
    if (fault === undefined) return await work();
    const { errorCode } = fault;
    if (fault.delay_ms !== undefined) await wait(fault.delay_ms);
    if (fault.closeConnection) return null;
    if (errorCode !== undefined && !fault.afterWork) {
      return api.fail(request, errorCode, "injected");
    }
    const response = await work();
    if (fault.loseAnswer) return null;
    if (errorCode !== undefined) return api.fail(request, errorCode, "injected");
    return fault.corruptRecords ? corrupted(response as FetchResponse) : response;
  };
}

/** The part of a Fetch response that contains records. */
interface FetchResponse {
  readonly topics: readonly {
    readonly partitions: readonly { readonly batches: readonly Uint8Array[] }[];
  }[];
}

/** The same response with one bit of each batch's last byte flipped. */
function corrupted(response: FetchResponse): FetchResponse {
  const flip = (batch: Uint8Array): Uint8Array => {
    const copy = batch.slice();
    copy[copy.length - 1]! ^= 1;
    return copy;
  };
  return {
    ...response,
    topics: response.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((each) => ({ ...each, batches: each.batches.map(flip) })),
    })),
  };
}
