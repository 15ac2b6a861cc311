/**
 * Patches kafkajs without a fork, and checks that the patches are in place.
 *
 * kafkajs's modules read each other's exports when they are evaluated. So exports must be replaced before the modules that use them
 * are evaluated, and in the same copy of kafkajs that the service uses. Nothing is thrown while modules load. `assertPatched`
 * finds the problems; `createKafka` calls it before it creates a client, and it needs no network.
 */
import { createRequire } from "node:module";
import { PermanentError } from "@gmn/failures";

/** The version that the patches were written for: the last release, from 2023. */
const VERSION = "2.2.4";

/** Loads kafkajs's modules in the way kafkajs itself does. */
export const require = createRequire(import.meta.url);

/** What a patch changes. Paths are relative to kafkajs's src folder. */
export interface PatchTarget {
  /** The patch's file in this folder. */
  readonly patch: string;
  readonly module: string;
  /** Modules that use the exports of `module`. */
  readonly users: readonly string[];
}

interface AppliedPatch extends PatchTarget {
  /** What was wrong when the patch was applied. */
  readonly problem: Mismatch | null;
  /** Whether kafkajs still has what the patch put there. */
  readonly isInPlace: () => boolean;
}

/** What was expected and what was found instead, in words. */
interface Mismatch {
  readonly expected: string;
  readonly found: string;
}

const applied: AppliedPatch[] = [];

const pathOf = (module: string): string => require.resolve(`kafkajs/src/${module}`);

/** Replaces a module's exports. @returns the original ones */
export function replaceExports<Exports>(
  target: PatchTarget,
  replacement: (original: Exports) => Exports,
): Exports {
  const early = target.users.find((user) => pathOf(user) in require.cache);
  const original = require(pathOf(target.module)) as Exports;
  const patched = replacement(original);
  require.cache[pathOf(target.module)]!.exports = patched;
  applied.push({
    ...target,
    problem: early === undefined ? null : {
      expected: "to be loaded before kafkajs",
      found: `kafkajs/src/${early}, which was loaded already`,
    },
    isInPlace: () => require.cache[pathOf(target.module)]?.exports === patched,
  });
  return original;
}

/**
 * Replaces methods or accessors of a class; in them, `this` is the instance. The order of loading does not matter here. The class
 * still has its original methods while `replacement` runs.
 * @returns the patched class
 */
export function replaceMethods<Instance>(
  target: PatchTarget,
  replacement: (original: Instance) => Partial<Instance> & ThisType<Instance>,
): new (...given: never[]) => Instance {
  const Class = require(pathOf(target.module)) as { prototype: object } & (new () => Instance);
  const patched = Object.getOwnPropertyDescriptors(replacement(Class.prototype as Instance));
  const missing = Object.keys(patched).find((name) => !Object.hasOwn(Class.prototype, name));
  Object.defineProperties(Class.prototype, patched);
  applied.push({
    ...target,
    problem: missing === undefined
      ? null
      : { expected: `a method ${missing} in kafkajs/src/${target.module}`, found: "none" },
    isInPlace: () =>
      require(pathOf(target.module)) === Class &&
      Object.entries(patched).every(([name, { value, get }]) => {
        const found = Object.getOwnPropertyDescriptor(Class.prototype, name);
        return found?.value === value && found?.get === get;
      }),
  });
  return Class;
}

/**
 * Checks that each patch is in place.
 * @param kafka the `Kafka` class that clients are created from
 * @throws PermanentError naming the patch, what it expects and what was found
 */
export function assertPatched(kafka: unknown): void {
  const { version } = require("kafkajs/package.json") as { version: string };
  if (version !== VERSION) {
    throw mismatch("all", { expected: `version ${VERSION}`, found: version });
  }
  if ((require("kafkajs") as { Kafka: unknown }).Kafka !== kafka) {
    throw mismatch("all", { expected: "one copy of kafkajs", found: "two" });
  }
  for (const patch of applied) {
    const problem = patch.problem ?? problemOf(patch);
    if (problem !== null) throw mismatch(patch.patch, problem);
  }
}

/** Checks kafkajs's loaded modules: each of the users must have loaded the patched module. */
function problemOf({ module, users, isInPlace }: AppliedPatch): Mismatch | null {
  const name = `kafkajs/src/${module}`;
  if (!isInPlace()) return { expected: `${name} as it was patched`, found: "another" };
  const patched = require.cache[pathOf(module)];
  const other = users.find((user) => {
    // kafkajs loads some of them only when it needs them.
    require(pathOf(user));
    return require.cache[pathOf(user)]!.children.every((child) => child !== patched);
  });
  return other === undefined
    ? null
    : { expected: `kafkajs/src/${other} to use ${name}`, found: "that it does not" };
}

function mismatch(patch: string, { expected, found }: Mismatch): PermanentError {
  return new PermanentError(
    `patch of kafkajs (src/events/kafkajs, ${patch}): expected ${expected}, found ${found}`,
    {
      hint:
        "Install the packages of deno.lock (deno task install) and import kafkajs only through src/events/kafkajs/kafkajs.ts. " +
        "To change its version, go through that folder.",
    },
  );
}
