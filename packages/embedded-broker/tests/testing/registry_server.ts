/**
 * A registry with real HTTP on a free port, for tests that need a real client.
 */
import { DatabaseSync } from "node:sqlite";
import { createRegistry } from "../../registry/registry.ts";

/** A running registry on a database in memory. */
export interface RegistryServer {
  readonly url: string;
  stop(): Promise<void>;
}

export function startRegistryServer(): RegistryServer {
  const db = new DatabaseSync(":memory:");
  const registry = createRegistry({ db });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => registry.fetch(request),
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    async stop() {
      await server.shutdown();
      db.close();
    },
  };
}
