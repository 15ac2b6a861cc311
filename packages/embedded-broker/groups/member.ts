/**
 * One member of a consumer group, as the coordinator sees it.
 */
import type { ErrorCode } from "@gmn/kafka-formats";

/** A group protocol that a member supports (for consumers: a partition assignor), with its metadata. */
export interface GroupProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

/** The answer to a JoinGroup. `members` is filled for the leader only. */
export interface JoinResult {
  readonly errorCode: ErrorCode;
  readonly generation: number;
  readonly protocol: string;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly metadata: Uint8Array;
  }[];
}

/** The answer to a JoinGroup that is refused; with MEMBER_ID_REQUIRED it contains the id to join with. */
export function refusedJoin(errorCode: ErrorCode, memberId: string): JoinResult {
  return { errorCode, generation: -1, protocol: "", leaderId: "", memberId, members: [] };
}

/** The answer to a SyncGroup. */
export interface SyncResult {
  readonly errorCode: ErrorCode;
  readonly assignment: Uint8Array;
}

/** A request to join or rejoin a group. */
export interface JoinRequest {
  readonly groupId: string;
  /** Empty for a new member. */
  readonly memberId: string;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeout_ms: number;
  readonly rebalanceTimeout_ms: number;
  readonly protocolType: string;
  readonly protocols: readonly GroupProtocol[];
  /** From JoinGroup version 4: a new member first gets its id, then joins with it (KIP-394). */
  readonly requiresKnownMemberId: boolean;
}

/** A member. The two `parked` callbacks answer a JoinGroup or SyncGroup that waits for the others. */
export interface Member extends ReturnType<typeof declaredBy> {
  readonly id: string;
  assignment: Uint8Array;
  parkedJoin: ((result: JoinResult) => void) | null;
  parkedSync: ((result: SyncResult) => void) | null;
  sessionTimer: ReturnType<typeof setTimeout> | undefined;
}

/** A member's metadata for one protocol. */
export function metadataFor(member: Member, protocol: string): Uint8Array {
  return member.protocols.find(({ name }) => name === protocol)?.metadata ?? new Uint8Array();
}

/** What a member declares each time it joins. Copied, because a view would keep the whole request in memory. */
export function declaredBy(request: JoinRequest) {
  const { clientId, clientHost, sessionTimeout_ms, rebalanceTimeout_ms } = request;
  const protocols = request.protocols.map(({ name, metadata }) => ({
    name,
    metadata: metadata.slice(),
  }));
  return { clientId, clientHost, sessionTimeout_ms, rebalanceTimeout_ms, protocols };
}

/** Whether two lists of protocols are equal, metadata included. If so, a rejoining member changes nothing. */
export function sameProtocols(a: readonly GroupProtocol[], b: readonly GroupProtocol[]): boolean {
  return a.length === b.length && a.every(({ name, metadata }, i) => {
    const other = b[i];
    return name === other.name && metadata.length === other.metadata.length &&
      metadata.every((byte, at) => byte === other.metadata[at]);
  });
}
