/**
 * Reads server-sent events, as a browser would.
 */

export interface ReadEvent {
  readonly event: string;
  readonly id: string | null;
  readonly data: unknown;
}

/** The events of an answer, as they arrive. */
export async function* eventsOf(response: Response): AsyncGenerator<ReadEvent, undefined> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    throw new Error(`no event stream: ${response.status} ${await response.text()}`);
  }
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const messages = text.split("\n\n");
    text = messages.pop()!;
    for (const message of messages) {
      const fields = new Map(
        message.split("\n").map((line) => {
          const [name, ...rest] = line.split(": ");
          return [name!, rest.join(": ")];
        }),
      );
      const data = fields.get("data");
      if (data === undefined) continue;
      yield {
        event: fields.get("event") ?? "message",
        id: fields.get("id") ?? null,
        data: JSON.parse(data),
      };
    }
  }
}

/** All events of a stream that ends. */
export async function readEvents(response: Response): Promise<ReadEvent[]> {
  return await Array.fromAsync(eventsOf(response));
}
