/**
 * How much memory clients hold in the broker, over all connections: requests that are coming in or waiting, and responses
 * that clients have not read yet. Limits per connection alone would not bound it: there are many connections.
 */

/** Requests, whole or in parts. Beyond it, a connection that sends more is closed. */
const MAX_REQUEST_BYTES = 192 * 1024 * 1024;
/** Responses. Beyond it, nothing is read from the log for anybody until clients have read some. */
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
