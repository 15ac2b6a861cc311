/**
 * How a patch of kafkajs is put in place without a fork, and how it is proven that it took.
 *
 * kafkajs's modules take each other's exports when they are evaluated. So exports must be replaced before the modules that use them
 * are evaluated, and in the very copy of kafkajs that the service works with. Nothing is thrown while modules load: what is
 * wrong is found by `assertPatched`, which every client that is made calls first, and which needs no network.
 */
import { createRequire } from "node:module";
import { PermanentError } from "@gmn/failures";

/** The version that the patches were written for: the last release, of 2023. */
const VERSION = "2.2.4";

/** kafkajs's modules, as kafkajs itself gets them. */
export const require = createRequire(import.meta.url);

/** What a patch changes. Paths are those under kafkajs's src folder. */
export interface PatchTarget {
  /** The patch's file in this folder. */
  readonly patch: string;
  readonly module: string;
  /** Modules that take the exports of `module`. */
  readonly users: readonly string[];
}

interface AppliedPatch extends PatchTarget {
  /** What was wrong when it was applied. */
  readonly problem: Mismatch | null;
  /** Whether kafkajs still has what the patch put there. */
  readonly isInPlace: () => boolean;
}

/** What was found in the place of what is expected, in words. */
interface Mismatch {
  readonly expected: string;
  readonly found: string;
}

const applied: AppliedPatch[] = [];

const pathOf = (module: string): string => require.resolve(`kafkajs/src/${module}`);

/** Puts other exports in the place of a module's. @returns the original ones */
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
 * Puts other methods, or accessors, in the place of a class's own; `this` is the instance. The order of loading does not matter to
 * these.
 * @returns the class, whose own methods are still what they were while `replacement` runs
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
 * Proves that each patch took.
 * @param kafka the `Kafka` class that clients are made of
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

/** By what kafkajs has loaded: each of the users must have got the very module that is patched. */
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
