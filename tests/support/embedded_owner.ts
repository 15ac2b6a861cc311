/** A process that owns an embedded PostgreSQL, to be killed by a test: says `{"port":…}` when it is ready, then waits. */
import { unobserved } from "../../src/observe/observe.ts";
import { startEmbeddedPostgres } from "../../src/store/embedded_postgres.ts";

const [directory = ""] = process.argv.slice(2);
const { port } = await startEmbeddedPostgres({
  directory,
  port: 0,
  observe: unobserved,
  settings: { fsync: "off" },
});
console.log(JSON.stringify({ port }));
setInterval(() => {}, 60_000);
