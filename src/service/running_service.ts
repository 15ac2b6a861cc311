/**
 * Decides which running service a command means: the one on DATA_DIR or, if that is not set, perhaps the demo.
 *
 * A person who runs `deno task demo` in one terminal types the README's commands into another, without settings, and means the
 * demo.
 */
import { DEMO_DATA_DIRECTORY, readConfig } from "../config.ts";
import { readLogHome } from "../broker/log_home.ts";
import { readAddresses, type ServiceAddresses } from "./address_file.ts";

/** Where a command works. */
export interface Whereabouts {
  /** Absolute path. */
  readonly dataDirectory: string;
  /** The service that runs on it; null when none does. */
  readonly addresses: ServiceAddresses | null;
  /** Whether the demo is used although DATA_DIR does not name it; the command should mention that. */
  readonly isDemoByDefault: boolean;
  /** Where the demo runs, if the command does not use it; the user may have meant it. */
  readonly otherDemo: string | null;
}

/**
 * Finds the service.
 *
 * `writes`: the command would start the engines itself if no service runs. It uses the demo only when the default directory has no
 * log yet, so that real data never gets mixed with generated meteors by accident.
 * @throws PermanentError when the settings are wrong
 */
export async function findRunningService(
  environment: Readonly<Record<string, string | undefined>>,
  { writes }: { readonly writes: boolean },
): Promise<Whereabouts> {
  const { dataDirectory } = readConfig(environment);
  const addresses = await readAddresses(dataDirectory);
  const isChosen = (environment.DATA_DIR ?? "").trim() !== "";
  const here = { dataDirectory, addresses, isDemoByDefault: false, otherDemo: null };
  if (addresses !== null || isChosen) return here;
  const demo = readConfig({ ...environment, DATA_DIR: DEMO_DATA_DIRECTORY }).dataDirectory;
  const demoAddresses = await readAddresses(demo);
  if (demoAddresses === null) return here;
  const hasOwnLog = writes && await readLogHome(dataDirectory) !== null;
  return hasOwnLog
    ? { ...here, otherDemo: demo }
    : { dataDirectory: demo, addresses: demoAddresses, isDemoByDefault: true, otherDemo: null };
}
