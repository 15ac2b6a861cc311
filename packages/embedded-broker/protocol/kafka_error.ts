/**
 * The error with which the broker's code refuses a request, or a part of one.
 */
import { type ErrorCode, errorName } from "@gmn/kafka-formats";

/** Answers a request, or a part of one, with an error code. The message is sent if the response has a field for it. */
export class KafkaError extends Error {
  override readonly name = "KafkaError";
  constructor(readonly code: ErrorCode, message: string = errorName(code)) {
    super(message);
  }
}
