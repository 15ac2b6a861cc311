/**
 * All consumer groups: the coordinator for JoinGroup and the other group requests.
 *
 * Membership lives in memory: after a restart members are unknown and rejoin, as with any coordinator change. The
 * database holds what must survive: offsets, and each group's generation (so that generations only grow).
 */
import { ErrorCode } from "@gmn/kafka-formats";
import type { DatabaseSync } from "node:sqlite";
import { KafkaError } from "../protocol/kafka_error.ts";
import type { Commits } from "../storage/commits.ts";
import { Group, type SavedGroup } from "./group.ts";
import { type JoinRequest, type JoinResult, metadataFor, refusedJoin } from "./member.ts";
import { OffsetStore } from "./offset_store.ts";

/** Limit of members of all groups. The service has a handful; this bounds what a hostile client can occupy. */
const MAX_MEMBERS = 2000;
/** Limit of the metadata and assignments of all members together. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** Kafka's `group.max.session.timeout.ms`. */
const MAX_SESSION_TIMEOUT_MS = 30 * 60_000;

export class Groups {
  readonly offsets: OffsetStore;
  /** Groups that have members or had them recently; the others are only in the database. */
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

  /** JoinGroup. Errors are in the result, because some of them include a member id. */
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
    if (!this.isWithinLimits(request)) return refuse(ErrorCode.GROUP_MAX_SIZE_REACHED);
    return this.activate(request.groupId).join(request);
  }

  private isWithinLimits(request: JoinRequest): boolean {
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
        changed: (changed) => this.persist(changed),
        abandoned: (abandoned) => this.dropIfVacant(abandoned),
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

  /** Stores the part of a group that must survive; an empty group is then dropped from memory. */
  private persist(group: Group): void {
    this.commits.write(() => {
      this.sql.save.run(group.id, group.protocolType, group.generation);
    }).then(
      () => this.dropIfVacant(group),
      // `Commits` has already reported it. The group continues in memory, which is enough for its members.
      () => {},
    );
  }

  private dropIfVacant(group: Group): void {
    if (group.vacant && this.active.get(group.id) === group) this.active.delete(group.id);
  }

  /** The group of a member's request. @throws KafkaError UNKNOWN_MEMBER_ID for a group without members */
  joined(groupId: string): Group {
    if (groupId === "") throw new KafkaError(ErrorCode.INVALID_GROUP_ID);
    const group = this.active.get(groupId);
    if (group === undefined) throw new KafkaError(ErrorCode.UNKNOWN_MEMBER_ID);
    return group;
  }

  /** Checks whether a client may commit offsets of a group now. @throws KafkaError */
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

  /** One group; "Dead" when it does not exist, as in Kafka. */
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
