/** Sends portions of rows as the bytes of a body: the next portion is read when the client has taken the previous one. */

export interface TextStreamOptions {
  /** Text before the first portion. */
  readonly first: string;
  /** Called once, however the stream ends. */
  readonly onEnd: () => void;
}

/** The body. `open` is called at the first read. A failure aborts the body, so the client sees that it is incomplete. */
export function textStream<Portion>(
  open: () => ReadableStream<Portion>,
  textOf: (portion: Portion) => string,
  { first, onEnd }: TextStreamOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  let reader: ReadableStreamDefaultReader<Portion> | null = null;
  let text = first;
  return new ReadableStream({
    async pull(controller) {
      try {
        reader ??= open().getReader();
        const { done, value } = await reader.read();
        if (done) {
          if (text !== "") controller.enqueue(encoder.encode(text));
          controller.close();
          return onEnd();
        }
        controller.enqueue(encoder.encode(text + textOf(value)));
        text = "";
      } catch (error) {
        onEnd();
        throw error;
      }
    },
    async cancel(reason) {
      onEnd();
      await reader?.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
