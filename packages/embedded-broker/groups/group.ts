/**
 * One consumer group: the classic protocol (JoinGroup, SyncGroup, Heartbeat, LeaveGroup) as a state machine.
 *
 *                     first join                      all joined, or the rebalance
 *            ┌───────┐ ──────────▶ ┌────────────────────┐  time-out is over  ┌─────────────────────┐
 *            │ Empty │             │ PreparingRebalance │ ─────────────────▶ │ CompletingRebalance │
 *            └───────┘ ◀────────── └────────────────────┘                    └─────────────────────┘
 *                      nobody left     ▲            ▲   join, leave, expiry,       │
 *                                      │            └──── sync time-out ───────────┤
 *                                      │                                           │ leader's SyncGroup
 *                                      │ join of a new member, of the              ▼
 *                                      │ leader or with new metadata;         ┌────────┐
 *                                      └──────────── leave, expiry ────────── │ Stable │
 *                                                                             └────────┘
 *
 * - PreparingRebalance: JoinGroup requests are parked until every known member has sent one, or until the longest
 *   rebalance time-out is over: members that have not joined by then are removed.
 * - CompletingRebalance: all members know the new generation; SyncGroup requests are parked until the leader's brings
 *   the assignments. Members that send none within the rebalance time-out are removed.
 * - Stable: members heartbeat. Commits are accepted from members of this generation only: this fences off
 *   a member that was paused, lost its partitions and came back.
 *
 * Time-outs: a member that is silent for its session time-out is removed, in any state, unless one of its requests is parked here.
 * The rules are those of Kafka's `GroupCoordinator` (KIP-62, KIP-394 known member ids), without static members (KIP-345).
 */
import { ErrorCode } from "@gmn/kafka-formats";
import { KafkaError } from "../protocol/kafka_error.ts";
import {
  declaredBy,
  type JoinRequest,
  type JoinResult,
  type Member,
  metadataFor,
  refusedJoin,
  sameProtocols,
  type SyncResult,
} from "./member.ts";

export type GroupState = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable";

const NO_BYTES = new Uint8Array();

/** The state of a group that the database stores across restarts. */
export interface SavedGroup {
  readonly protocolType: string;
  readonly generation: number;
}

/** Callbacks from a group to its coordinator. */
export interface GroupHooks {
  /** A generation is complete, or the last member left. */
  changed(group: Group): void;
  /** Member ids were assigned, but no member joined with one. */
  abandoned(group: Group): void;
}

export class Group {
  state: GroupState = "Empty";
  generation: number;
  protocolType: string;
  /** The protocol that this generation uses. */
  protocol = "";
  leaderId: string | null = null;
  readonly members = new Map<string, Member>();
  /** Member ids that were assigned (KIP-394) and not used yet, with the timer that withdraws them. */
  private readonly pending = new Map<string, ReturnType<typeof setTimeout>>();
  /** Members that have not sent SyncGroup in this generation. */
  private readonly unsynced = new Set<string>();
  private joinTimer: ReturnType<typeof setTimeout> | undefined;
  private syncTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly id: string,
    saved: SavedGroup | null,
    private readonly hooks: GroupHooks,
  ) {
    this.generation = saved?.generation ?? 0;
    this.protocolType = saved?.protocolType ?? "";
  }

  /** It has no members and no pending member ids. */
  get vacant(): boolean {
    return this.members.size === 0 && this.pending.size === 0;
  }

  /** Number of members and pending member ids. */
  get size(): number {
    return this.members.size + this.pending.size;
  }

  // ── JoinGroup ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Admits a member or refuses it; resolves when all members of its rebalance have joined. */
  join(request: JoinRequest): Promise<JoinResult> {
    try {
      if (this.members.size > 0 && !this.isCompatible(request)) {
        throw new KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
      }
      return request.memberId === "" ? this.joinNew(request) : this.joinKnown(request);
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return Promise.resolve(refusedJoin(error.code, request.memberId));
    }
  }

  private joinNew(request: JoinRequest): Promise<JoinResult> {
    const memberId = `${request.clientId}-${crypto.randomUUID()}`;
    if (request.requiresKnownMemberId) {
      const timer = setTimeout(() => this.withdrawId(memberId), request.sessionTimeout_ms);
      this.pending.set(memberId, timer);
      return Promise.resolve(refusedJoin(ErrorCode.MEMBER_ID_REQUIRED, memberId));
    }
    return this.admit(memberId, request);
  }

  /** Withdraws a pending member id. Returns whether it was pending. */
  private withdrawId(memberId: string): boolean {
    clearTimeout(this.pending.get(memberId));
    if (!this.pending.delete(memberId)) return false;
    if (this.vacant) this.hooks.abandoned(this);
    else this.advance();
    return true;
  }

  private joinKnown(request: JoinRequest): Promise<JoinResult> {
    const timer = this.pending.get(request.memberId);
    if (timer !== undefined) {
      clearTimeout(timer);
      this.pending.delete(request.memberId);
      return this.admit(request.memberId, request);
    }
    const member = this.memberOf(request.memberId);
    const unchanged = sameProtocols(member.protocols, request.protocols);
    const answersAtOnce = unchanged && (
      // The answer was lost: it is sent again.
      this.state === "CompletingRebalance" ||
      // A follower that rejoins changes nothing. The leader rejoins to request a new assignment.
      (this.state === "Stable" && member.id !== this.leaderId)
    );
    if (answersAtOnce) {
      this.touch(member);
      return Promise.resolve(this.joinResult(member));
    }
    Object.assign(member, declaredBy(request));
    return this.park(member);
  }

  private admit(memberId: string, request: JoinRequest): Promise<JoinResult> {
    const member: Member = {
      id: memberId,
      ...declaredBy(request),
      assignment: NO_BYTES,
      parkedJoin: null,
      parkedSync: null,
      sessionTimer: undefined,
    };
    this.members.set(memberId, member);
    this.protocolType = request.protocolType;
    this.leaderId ??= memberId;
    return this.park(member);
  }

  /** Parks a JoinGroup and makes sure that a rebalance is under way. */
  private park(member: Member): Promise<JoinResult> {
    const result = new Promise<JoinResult>((resolve) => {
      // A client that sends JoinGroup twice has abandoned the first request.
      member.parkedJoin?.(refusedJoin(ErrorCode.UNKNOWN_MEMBER_ID, member.id));
      member.parkedJoin = resolve;
    });
    this.touch(member);
    if (this.state === "PreparingRebalance") this.advance();
    else this.prepareRebalance();
    return result;
  }

  // ── Rebalance ──────────────────────────────────────────────────────────────────────────────────────────────────

  private prepareRebalance(): void {
    this.state = "PreparingRebalance";
    this.endSync(ErrorCode.REBALANCE_IN_PROGRESS);
    this.startJoinTimer();
    this.advance();
  }

  private startJoinTimer(): void {
    clearTimeout(this.joinTimer);
    const timeouts = [...this.members.values()].map((member) => member.rebalanceTimeout_ms);
    this.joinTimer = setTimeout(() => this.completeJoin(), Math.max(0, ...timeouts));
  }

  /** Completes a rebalance when every member has joined. */
  private advance(): void {
    if (this.state !== "PreparingRebalance" || this.pending.size > 0) return;
    for (const member of this.members.values()) if (member.parkedJoin === null) return;
    this.completeJoin();
  }

  private completeJoin(): void {
    clearTimeout(this.joinTimer);
    for (const member of [...this.members.values()]) {
      if (member.parkedJoin === null) this.drop(member);
    }
    const joined = [...this.members.values()];
    this.generation++;
    if (this.members.size === 0) {
      this.state = "Empty";
      this.protocol = "";
      this.leaderId = null;
      this.hooks.changed(this);
      return;
    }
    if (!joined.some((member) => member.id === this.leaderId)) this.leaderId = joined[0].id;
    this.protocol = this.vote();
    this.state = "CompletingRebalance";
    this.unsynced.clear();
    for (const member of joined) {
      this.unsynced.add(member.id);
      member.assignment = NO_BYTES;
    }
    for (const member of joined) {
      const answer = member.parkedJoin;
      member.parkedJoin = null;
      this.touch(member);
      answer?.(this.joinResult(member));
    }
    const timeouts = joined.map((member) => member.rebalanceTimeout_ms);
    this.syncTimer = setTimeout(() => this.expireUnsynced(), Math.max(...timeouts));
    this.hooks.changed(this);
  }

  /** The protocol that most members prefer, among those that all of them know. */
  private vote(): string {
    const members = [...this.members.values()];
    const votes = new Map<string, number>();
    for (const member of members) {
      const choice = member.protocols.find(({ name }) => this.allKnow(name))?.name ?? "";
      votes.set(choice, (votes.get(choice) ?? 0) + 1);
    }
    return [...votes].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
  }

  private allKnow(protocol: string): boolean {
    for (const member of this.members.values()) {
      if (!member.protocols.some(({ name }) => name === protocol)) return false;
    }
    return true;
  }

  private isCompatible(request: JoinRequest): boolean {
    return request.protocolType === this.protocolType &&
      request.protocols.some(({ name }) => this.allKnow(name));
  }

  private joinResult(member: Member): JoinResult {
    const leads = member.id === this.leaderId;
    return {
      errorCode: ErrorCode.NONE,
      generation: this.generation,
      protocol: this.protocol,
      leaderId: this.leaderId ?? "",
      memberId: member.id,
      members: !leads ? [] : [...this.members.values()].map((each) => ({
        memberId: each.id,
        metadata: metadataFor(each, this.protocol),
      })),
    };
  }

  // ── SyncGroup, Heartbeat, LeaveGroup, commits ──────────────────────────────────────────────────────────────────

  /** Gives a member its assignment; resolves when the leader has sent it. */
  sync(
    memberId: string,
    generation: number,
    assignments: readonly { memberId: string; assignment: Uint8Array }[],
  ): Promise<SyncResult> {
    const member = this.memberOf(memberId, generation);
    this.touch(member);
    if (this.state === "PreparingRebalance") {
      throw new KafkaError(ErrorCode.REBALANCE_IN_PROGRESS);
    }
    this.unsynced.delete(memberId);
    if (this.unsynced.size === 0) clearTimeout(this.syncTimer);
    if (this.state === "Stable") {
      return Promise.resolve({ errorCode: ErrorCode.NONE, assignment: member.assignment });
    }
    const result = new Promise<SyncResult>((resolve) => {
      member.parkedSync?.({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID, assignment: NO_BYTES });
      member.parkedSync = resolve;
    });
    if (memberId === this.leaderId) this.assign(assignments);
    return result;
  }

  private assign(assignments: readonly { memberId: string; assignment: Uint8Array }[]): void {
    for (const { memberId, assignment } of assignments) {
      const member = this.members.get(memberId);
      if (member !== undefined) member.assignment = assignment.slice();
    }
    this.state = "Stable";
    for (const member of this.members.values()) {
      this.answerSync(member, { errorCode: ErrorCode.NONE, assignment: member.assignment });
    }
  }

  private endSync(errorCode: ErrorCode): void {
    clearTimeout(this.syncTimer);
    for (const member of this.members.values()) {
      this.answerSync(member, { errorCode, assignment: NO_BYTES });
    }
  }

  /** Answers a parked SyncGroup. Its member could not heartbeat during the wait, so a new session begins now. */
  private answerSync(member: Member, result: SyncResult): void {
    const answer = member.parkedSync;
    if (answer === null) return;
    member.parkedSync = null;
    this.touch(member);
    answer(result);
  }

  private expireUnsynced(): void {
    const late = [...this.unsynced].flatMap((id) => this.members.get(id) ?? []);
    for (const member of late) this.drop(member);
    if (late.length > 0) this.prepareRebalance();
  }

  /** Renews a member's session. @throws KafkaError REBALANCE_IN_PROGRESS tells the member to rejoin */
  heartbeat(memberId: string, generation: number): void {
    this.touch(this.memberOf(memberId, generation));
    if (this.state === "PreparingRebalance") {
      throw new KafkaError(ErrorCode.REBALANCE_IN_PROGRESS);
    }
  }

  /** @throws KafkaError UNKNOWN_MEMBER_ID */
  leave(memberId: string): void {
    if (this.withdrawId(memberId)) return;
    this.remove(this.memberOf(memberId));
  }

  /**
   * Checks whether offsets may be committed. A client without membership (generation below 0) may commit while the group
   * has no members.
   * @throws KafkaError UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION or REBALANCE_IN_PROGRESS
   */
  checkCommit(memberId: string, generation: number): void {
    if (generation < 0 && this.members.size === 0) return;
    const member = this.memberOf(memberId, generation);
    if (this.state === "CompletingRebalance") {
      throw new KafkaError(ErrorCode.REBALANCE_IN_PROGRESS);
    }
    this.touch(member);
  }

  // ── Members ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @throws KafkaError UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION */
  private memberOf(memberId: string, generation?: number): Member {
    const member = this.members.get(memberId);
    if (member === undefined) throw new KafkaError(ErrorCode.UNKNOWN_MEMBER_ID);
    if (generation !== undefined && generation !== this.generation) {
      throw new KafkaError(ErrorCode.ILLEGAL_GENERATION);
    }
    return member;
  }

  /** Restarts a member's session. */
  private touch(member: Member): void {
    clearTimeout(member.sessionTimer);
    member.sessionTimer = setTimeout(() => {
      // A member with a parked request is considered alive.
      if (member.parkedJoin !== null || member.parkedSync !== null) this.touch(member);
      else this.remove(member);
    }, member.sessionTimeout_ms);
  }

  /** Removes a member and starts a rebalance. */
  private remove(member: Member): void {
    this.drop(member);
    if (this.state === "PreparingRebalance") this.advance();
    else this.prepareRebalance();
  }

  /** Removes a member and answers its parked requests. */
  private drop(member: Member): void {
    clearTimeout(member.sessionTimer);
    member.parkedJoin?.(refusedJoin(ErrorCode.UNKNOWN_MEMBER_ID, member.id));
    member.parkedSync?.({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID, assignment: NO_BYTES });
    member.parkedJoin = null;
    member.parkedSync = null;
    this.unsynced.delete(member.id);
    this.members.delete(member.id);
    if (this.leaderId === member.id) this.leaderId = null;
  }

  /** Ends all timers and answers all parked requests, when the broker stops. */
  close(): void {
    for (const timer of this.pending.values()) clearTimeout(timer);
    this.pending.clear();
    clearTimeout(this.joinTimer);
    clearTimeout(this.syncTimer);
    for (const member of [...this.members.values()]) this.drop(member);
  }

  /** Bytes of its members' metadata and assignments. */
  keptBytes(): number {
    let bytes = 0;
    for (const { protocols, assignment } of this.members.values()) {
      bytes += assignment.length;
      for (const protocol of protocols) bytes += protocol.metadata.length;
    }
    return bytes;
  }
}
