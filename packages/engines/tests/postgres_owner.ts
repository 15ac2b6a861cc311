/** A process that owns a PostgreSQL, for a test to kill: prints `{"port":…}` when it is ready, then waits. */
import { startPostgres } from "../mod.ts";
import { connect } from "./connect.ts";

const [directory = ""] = process.argv.slice(2);
const { port } = await startPostgres({
  directory,
  port: 0,
  connect,
  onEvent: () => {},
  settings: { fsync: "off" },
});
console.log(JSON.stringify({ port }));
setInterval(() => {}, 60_000);
