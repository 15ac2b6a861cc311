/**
 * The embedded registry behind TLS and authentication, as an external one may be.
 */
import { DatabaseSync } from "node:sqlite";
import { createRegistry } from "@gmn/embedded-broker/testing";
import type { Certificates } from "./certificates.ts";

export interface SecuredRegistry extends AsyncDisposable {
  readonly url: string;
}

/** Serves requests with this `Authorization` header, and answers 401 to all others. */
export async function startSecuredRegistry(
  certificates: Certificates,
  authorization: string,
): Promise<SecuredRegistry> {
  const db = new DatabaseSync(":memory:");
  const registry = createRegistry({ db });
  const server = Deno.serve(
    {
      hostname: "127.0.0.1",
      port: 0,
      onListen: () => {},
      cert: await certificates.read(certificates.server.certFile),
      key: await certificates.read(certificates.server.keyFile),
    },
    (request) =>
      request.headers.get("authorization") === authorization
        ? registry.fetch(request)
        : Response.json({ error_code: 40101, message: "Unauthorized" }, { status: 401 }),
  );
  return {
    url: `https://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      db.close();
    },
  };
}
