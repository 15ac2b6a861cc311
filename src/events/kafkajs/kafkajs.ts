/** kafkajs with its patches: the only module that imports its values, so that the patches are in place before it is evaluated. */
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

export { CompressionCodecs, CompressionTypes, Kafka, logLevel, Partitioners } from "kafkajs";

/**
 * Proves that the patches took.
 * @throws PermanentError naming the patch, what it expects and what was found
 */
export function assertKafkajsIsPatched(): void {
  assertPatched(Kafka);
}
