import { expect, test } from "vitest";
import { PermanentError } from "@gmn/failures";
import { serveHttp } from "./server.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

test("a stop answers requests in progress and accepts no new ones", async () => {
  const { promise: asked, resolve: tellAsked } = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  const server = serveHttp({ ...LOOPBACK, fetch: () => (tellAsked(), answer.promise) });
  const response = fetch(server.url);
  await asked;
  const stopped = server.stop();
  answer.resolve(new Response("whole"));
  expect(await (await response).text()).toBe("whole");
  await stopped;
  await expect(fetch(server.url)).rejects.toThrow();
});

test("a client that never reads to the end does not block a stop, which reports it", async () => {
  const endless = () =>
    new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(65_536)) }));
  const server = serveHttp({ ...LOOPBACK, grace_ms: 50, fetch: endless });
  const response = await fetch(server.url);
  await expect(server.stop()).rejects.toThrow("not answered after 50 ms");
  await response.body!.cancel();
});

test("a port in use is an error with a hint on which setting to change", () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const { port } = taken.addr as Deno.NetAddr;
    const options = { host: "127.0.0.1", port, fetch: () => new Response() };
    expect(() => serveHttp(options)).toThrow(PermanentError);
    expect(() => serveHttp(options)).toThrow(`port ${port} (HTTP_PORT) is already in use`);
    const settings = { host: "METRICS_HOST", port: "METRICS_PORT" };
    expect(() => serveHttp({ ...options, settings })).toThrow(/\(METRICS_PORT\) is already in use/);
  } finally {
    taken.close();
  }
});
