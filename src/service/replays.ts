/**
 * Replays of dead letters, wired: for the API and for the command line.
 */
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { PermanentError } from "../failures/failures.ts";
import type { Observe } from "../observe/observe.ts";
import { ReplayDesk } from "../producer/replay.ts";
import type { Sql } from "../store/connection.ts";
import {
  createTrajectoryDecoder,
  encodeTrajectory,
  type TrajectoryDecoder,
  wireSchemaId,
} from "../trajectory/codec.ts";
import type { Log } from "./open_log.ts";

/** The desk over a database and its log. */
export function createReplayDesk(
  { sql, log, observe }: {
    readonly sql: Sql;
    readonly log: Pick<Log, "publisher" | "encodeLetter" | "registry">;
    readonly observe: Observe;
  },
): ReplayDesk {
  return new ReplayDesk({
    sql,
    tools: { publisher: log.publisher, encodeTrajectory, encodeDeadLetter: log.encodeLetter },
    identify: createIdentifier(log.registry),
    observe,
  });
}

/** Tells which trajectory a value is of, when it can be decoded. */
function createIdentifier(registry: SchemaRegistry): (value: Uint8Array) => Promise<string | null> {
  const decoders = new Map<number, TrajectoryDecoder>();
  return async (value) => {
    try {
      const id = wireSchemaId(value);
      let decode = decoders.get(id);
      if (decode === undefined) {
        decode = createTrajectoryDecoder(await registry.writerSchema(id));
        decoders.set(id, decode);
      }
      return decode(value).unique_trajectory_identifier;
    } catch (error) {
      if (error instanceof PermanentError) return null;
      throw error;
    }
  };
}
