/**
 * Counts the memory that clients occupy in the broker, over all connections: incoming or waiting requests, and responses
 * that clients have not read yet. Limits per connection would not bound it, because there are many connections.
 */

/** Limit for complete and partial requests. Beyond it, a connection that sends more is closed. */
const MAX_REQUEST_BYTES = 192 * 1024 * 1024;
/** Limit for responses. Beyond it, no records are read from the log for any client until clients have read some. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

export class ClientMemory {
  request_bytes = 0;
  unsent_bytes = 0;

  get isFull(): boolean {
    return this.request_bytes > MAX_REQUEST_BYTES;
  }
  get isCongested(): boolean {
    return this.unsent_bytes > MAX_UNSENT_BYTES;
  }
}
