/**
 * Portions of rows as the bytes of a body: the next portion is asked for when the client has taken the one before.
 */

export interface TextStreamOptions {
  /** Text in front of the first portion. */
  readonly first: string;
  /** Called once, when the stream ends in whatever way. */
  readonly onEnd: () => void;
}

/** The body. `open` is called at the first read. A failure breaks the body off: the client sees that it is not whole. */
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
