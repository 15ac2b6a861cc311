/**
 * Vitest's global set-up: one PostgreSQL for the whole test run, started when the first test asks for a database.
 *
 * The workers are separate processes, so they ask over HTTP (loopback). Tests that need no database cost only one
 * listening socket.
 */
import { createServer } from "node:http";
import type { TestProject } from "vitest/node";
import { explain } from "@gmn/failures";
import "./provided.ts";
import { startTestServer, type TestServer } from "./test_server.ts";

/** Starts the launcher; the returned function stops it and any PostgreSQL that it started. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let server: Promise<TestServer> | null = null;
  const launcher = createServer((_request, response) => {
    server ??= startTestServer();
    server.then(
      ({ adminUrl, template, prefix }) =>
        response.end(JSON.stringify({ adminUrl, template, prefix })),
      (error: unknown) => response.writeHead(500).end(explain(error)),
    );
  });
  await new Promise<void>((resolve) => launcher.listen(0, "127.0.0.1", resolve));
  const address = launcher.address();
  if (address === null || typeof address === "string") throw new Error("the launcher has no port");
  project.provide("postgresLauncher", `http://127.0.0.1:${address.port}/`);
  return async () => {
    launcher.closeAllConnections();
    await new Promise<void>((resolve) => launcher.close(() => resolve()));
    // A failed start has been reported to the test that asked.
    await server?.then((started) => started.stop(), () => {});
  };
}
