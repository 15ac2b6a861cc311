/** kafkajs with its patches. Only this module imports kafkajs's values, so that the patches are in place before it is evaluated. */
import "./group_messages.ts";
import "./encode_batches.ts";
import "./decode_batches.ts";
import "./unreadable_batch_offsets.ts";
import "./request_buffer.ts";
import "./pending_requests.ts";
import "./request_timeouts.ts";
import "./fetch_wait.ts";
import { Kafka } from "kafkajs";
import { assertPatched } from "./patch.ts";

export {
  CompressionCodecs,
  CompressionTypes,
  ConfigResourceTypes,
  Kafka,
  logLevel,
  Partitioners,
} from "kafkajs";

/**
 * Checks that all patches are in place.
 * @throws PermanentError naming the patch, what it expects and what was found
 */
export function assertKafkajsIsPatched(): void {
  assertPatched(Kafka);
}
