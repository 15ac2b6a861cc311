/**
 * `deno task start`: everything in one process, until Ctrl-C. `--help` lists the settings.
 *
 * Listens to signals first and loads the service after that, so that none is missed.
 */
import process from "node:process";
import { watchLauncher } from "./service/launcher.ts";
import { watchForStop } from "./service/signals.ts";

if (import.meta.main) {
  const stops = watchForStop();
  void watchLauncher(stops);
  const { startCommand } = await import("./commands/start.ts");
  process.exit(await startCommand(process.argv.slice(2), stops));
}
