/**
 * How the broker's code refuses a request, or a part of one.
 */
import { type ErrorCode, errorName } from "@gmn/kafka-formats";

/** A request, or a part of one, that is answered with an error code. The message goes where the response has room. */
export class KafkaError extends Error {
  override readonly name = "KafkaError";
  constructor(readonly code: ErrorCode, message: string = errorName(code)) {
    super(message);
  }
}
