/**
 * Fault injection, as an interface for tests (the model is kfake's `ControlKey`): the next requests that match can be made to
 * fail with any code, before or after their work is done, to be late, to lose their answer, to lose their connection,
 * or (Fetch) to give records that don't match their checksum.
 */
import type { ErrorCode } from "@gmn/kafka-formats";
import { setTimeout as wait } from "node:timers/promises";
import type { Intercept } from "../../network/dispatch.ts";

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

interface ArmedFault {
  readonly id: number;
  readonly spec: FaultSpec;
  left: number;
}

/** What requests have in common where they name topics or a group. */
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

  /** The first fault that matches, counted as struck. */
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

  /** Lets requests go wrong as ordered. */
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

/** The part of Fetch's response that holds records. */
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
