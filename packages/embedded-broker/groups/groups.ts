/**
 * All consumer groups: the coordinator that JoinGroup and its kin talk to.
 *
 * Membership lives in memory: after a restart members are unknown and join again, as with any coordinator change. What
 * must survive is in the database: offsets, and each group's generation (so that generations only grow).
 */
import { ErrorCode } from "@gmn/kafka-formats";
import type { DatabaseSync } from "node:sqlite";
import { KafkaError } from "../protocol/kafka_error.ts";
import type { Commits } from "../storage/commits.ts";
import { Group, type SavedGroup } from "./group.ts";
import { type JoinRequest, type JoinResult, metadataFor, refusedJoin } from "./member.ts";
import { OffsetStore } from "./offset_store.ts";

/** Members of all groups together. The service has a handful; this bounds what a hostile client can take. */
const MAX_MEMBERS = 2000;
/** Metadata and assignments of all members together. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** Kafka's `group.max.session.timeout.ms`. */
const MAX_SESSION_TIMEOUT_MS = 30 * 60_000;

export class Groups {
  readonly offsets: OffsetStore;
  /** Groups with members, or lately with them; the others are in the database only. */
  private readonly active = new Map<string, Group>();
  private readonly sql;

  constructor(
    db: DatabaseSync,
    private readonly commits: Commits,
    /** Kafka's `group.min.session.timeout.ms`. */
    private readonly minSessionTimeout_ms: number,
  ) {
    this.offsets = new OffsetStore(db);
    this.sql = {
      save: db.prepare(
        `INSERT INTO consumer_group (group_id, protocol_type, generation) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET protocol_type = excluded.protocol_type, generation = excluded.generation`,
      ),
      load: db.prepare("SELECT protocol_type, generation FROM consumer_group WHERE group_id = ?"),
      list: db.prepare("SELECT group_id, protocol_type FROM consumer_group ORDER BY group_id"),
      remove: db.prepare("DELETE FROM consumer_group WHERE group_id = ?"),
    };
  }

  /** JoinGroup. Errors are in the result: some of them carry a member id. */
  join(request: JoinRequest): Promise<JoinResult> {
    const refuse = (errorCode: ErrorCode) =>
      Promise.resolve(refusedJoin(errorCode, request.memberId));
    if (request.groupId === "") return refuse(ErrorCode.INVALID_GROUP_ID);
    if (
      request.sessionTimeout_ms < this.minSessionTimeout_ms ||
      request.sessionTimeout_ms > MAX_SESSION_TIMEOUT_MS
    ) return refuse(ErrorCode.INVALID_SESSION_TIMEOUT);
    if (request.protocolType === "" || request.protocols.length === 0) {
      return refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
    }
    if (request.memberId !== "" && !this.active.has(request.groupId)) {
      return refuse(ErrorCode.UNKNOWN_MEMBER_ID);
    }
    if (!this.hasRoom(request)) return refuse(ErrorCode.GROUP_MAX_SIZE_REACHED);
    return this.activate(request.groupId).join(request);
  }

  private hasRoom(request: JoinRequest): boolean {
    let members = request.memberId === "" ? 1 : 0;
    let bytes = request.protocols.reduce((sum, { metadata }) => sum + metadata.length, 0);
    for (const group of this.active.values()) {
      members += group.size;
      bytes += group.keptBytes();
    }
    return members <= MAX_MEMBERS && bytes <= MAX_KEPT_BYTES;
  }

  private activate(groupId: string): Group {
    let group = this.active.get(groupId);
    if (group === undefined) {
      group = new Group(groupId, this.saved(groupId), {
        changed: (changed) => this.keep(changed),
        abandoned: (abandoned) => this.letGo(abandoned),
      });
      this.active.set(groupId, group);
    }
    return group;
  }

  private saved(groupId: string): SavedGroup | null {
    const row = this.sql.load.get(groupId);
    return row === undefined ? null : {
      protocolType: row.protocol_type as string,
      generation: row.generation as number,
    };
  }

  /** Stores what must survive of a group; an empty one is then dropped from memory. */
  private keep(group: Group): void {
    this.commits.write(() => {
      this.sql.save.run(group.id, group.protocolType, group.generation);
    }).then(
      () => this.letGo(group),
      // `Commits` has reported it already; the group goes on in memory, which is all that its members need.
      () => {},
    );
  }

  private letGo(group: Group): void {
    if (group.vacant && this.active.get(group.id) === group) this.active.delete(group.id);
  }

  /** The group that a member speaks to. @throws KafkaError UNKNOWN_MEMBER_ID for a group that nobody is in */
  joined(groupId: string): Group {
    if (groupId === "") throw new KafkaError(ErrorCode.INVALID_GROUP_ID);
    const group = this.active.get(groupId);
    if (group === undefined) throw new KafkaError(ErrorCode.UNKNOWN_MEMBER_ID);
    return group;
  }

  /** Looks whether a client may commit offsets of a group now. @throws KafkaError */
  checkCommit(groupId: string, memberId: string, generation: number): void {
    if (groupId === "") throw new KafkaError(ErrorCode.INVALID_GROUP_ID);
    const group = this.active.get(groupId);
    if (group !== undefined) return group.checkCommit(memberId, generation);
    if (generation >= 0) throw new KafkaError(ErrorCode.UNKNOWN_MEMBER_ID);
  }

  /** All groups that have members, were once joined, or have offsets. */
  list(): { groupId: string; protocolType: string }[] {
    const types = new Map<string, string>();
    for (const groupId of this.offsets.groups()) types.set(groupId, "");
    for (const row of this.sql.list.all()) {
      types.set(row.group_id as string, row.protocol_type as string);
    }
    for (const group of this.active.values()) {
      if (group.members.size > 0) types.set(group.id, group.protocolType);
    }
    return [...types].map(([groupId, protocolType]) => ({ groupId, protocolType }));
  }

  /** One group; "Dead" when there is none of that name, as Kafka says. */
  describe(groupId: string) {
    const group = this.active.get(groupId);
    if (group === undefined || group.members.size === 0) {
      const saved = this.saved(groupId);
      const exists = saved !== null || this.offsets.has(groupId);
      return {
        state: exists ? "Empty" : "Dead",
        protocolType: saved?.protocolType ?? "",
        protocol: "",
        members: [],
      };
    }
    return {
      state: group.state,
      protocolType: group.protocolType,
      protocol: group.protocol,
      members: [...group.members.values()].map((member) => ({
        memberId: member.id,
        clientId: member.clientId,
        clientHost: member.clientHost,
        metadata: metadataFor(member, group.protocol),
        assignment: member.assignment,
      })),
    };
  }

  /** Deletes an empty group with its offsets. @throws KafkaError NON_EMPTY_GROUP or GROUP_ID_NOT_FOUND */
  delete(groupId: string): Promise<void> {
    return this.commits.write(() => {
      const group = this.active.get(groupId);
      if (group !== undefined && group.members.size > 0) {
        throw new KafkaError(ErrorCode.NON_EMPTY_GROUP);
      }
      if (this.saved(groupId) === null && !this.offsets.has(groupId)) {
        throw new KafkaError(ErrorCode.GROUP_ID_NOT_FOUND);
      }
      this.sql.remove.run(groupId);
      this.offsets.removeGroup(groupId);
    });
  }

  /** Ends all timers; parked requests are answered. */
  close(): void {
    for (const group of this.active.values()) group.close();
    this.active.clear();
  }
}
