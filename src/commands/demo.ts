/**
 * `deno task demo`: the whole service on made-up meteors, until Ctrl-C.
 *
 * Listens to signals first and loads the service after that, so that none is missed.
 */
import process from "node:process";
import { watchLauncher } from "../service/launcher.ts";
import { watchForStop } from "../service/signals.ts";

if (import.meta.main) {
  const stops = watchForStop();
  void watchLauncher(stops);
  const { demoCommand } = await import("./demo_service.ts");
  process.exit(await demoCommand(process.argv.slice(2), stops));
}
