/**
 * `deno task demo`: the whole service with generated meteors, until Ctrl-C.
 *
 * Listens for signals first and loads the service after that, so that no signal is missed.
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
