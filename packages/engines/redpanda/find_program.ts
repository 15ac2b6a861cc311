/**
 * Finds Redpanda on this machine, if it is installed.
 *
 * Two programs can start the same broker: `redpanda` itself, and `rpk redpanda start`, which prepares and then becomes it.
 * `redpanda` is preferred: it follows its configuration, while rpk adds its own "mode".
 */
import { access, constants, stat } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";
import { PermanentError } from "@gmn/failures";

/** A program that can start the broker. */
export interface RedpandaProgram {
  readonly path: string;
  /** Which command line it accepts. */
  readonly form: "redpanda" | "rpk";
}

/** Where Redpanda's packages and image install it; it can't be moved, because its loader's path is built in. */
export const PACKAGED_PATH = "/opt/redpanda/bin/redpanda";

export interface SearchPlaces {
  /** REDPANDA_BIN: the program that must be used, or null. */
  readonly configured: string | null;
  /** The PATH of the environment. */
  readonly path: string;
  /** `PACKAGED_PATH`; tests use another. */
  readonly packaged?: string;
}

/**
 * The program to start, or null when there is none.
 * @throws PermanentError when REDPANDA_BIN names something that can't be executed
 */
export async function findRedpanda(places: SearchPlaces): Promise<RedpandaProgram | null> {
  const { configured, path, packaged = PACKAGED_PATH } = places;
  if (configured !== null) {
    if (await isExecutable(configured)) return programAt(configured);
    throw new PermanentError(`REDPANDA_BIN=${configured} is not a program that can be executed`, {
      hint:
        `Name Redpanda's program (its packages have it as ${PACKAGED_PATH}), or unset REDPANDA_BIN.`,
    });
  }
  if (await isExecutable(packaged)) return programAt(packaged);
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  for (const name of ["redpanda", "rpk"]) {
    for (const folder of folders) {
      const candidate = join(folder, name);
      if (await isExecutable(candidate)) return programAt(candidate);
    }
  }
  return null;
}

function programAt(path: string): RedpandaProgram {
  return { path, form: basename(path) === "rpk" ? "rpk" : "redpanda" };
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
