/**
 * Keeps words that read badly out of what people read: `GLOSSARY` says which, what to write in their place, and where it counts.
 * CONTRIBUTING.md says how this project writes; a word that is right in its place (a letter of the alphabet) is let through by its
 * pattern, never by a list of files.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname!, "..");

interface Word {
  readonly not: string;
  readonly but: string;
  readonly pattern: RegExp;
  /** In pages for users alone; the code may need the word ("room for one more"). */
  readonly onlyInDocs?: boolean;
  /** What the pattern must find, and what it must let through. */
  readonly finds: readonly string[];
  readonly passes: readonly string[];
}

const GLOSSARY: readonly Word[] = [
  {
    not: "mend",
    but: "fix, patch, repair, correct",
    pattern: /(?<![a-z])mend(s|ed|ing)?(?![a-z])|Mend(s|ed|ing)?(?![a-z])/,
    finds: ["Mend them in the environment", "mendGrouping", "kafkajs_mend.ts", "is mended"],
    passes: ["recommended", "amend", "Mendeleev"],
  },
  {
    not: "letter, for a dead letter",
    but: "dead letter, deadLetter",
    pattern:
      /(?<!dead[-_ ]?|Dead[-_ ]?|DEAD[-_ ]?|small |capital |ASCII |single |two |three |[Tt]hree |[Nn]o |249 |5 )[lL]etters?(?!_id|-spacing|, digits| (and|or) digits| of an HTTP|\.replayed)(?![a-z])/,
    finds: ["the letter is written", "toLetter", "letterId", "all letters of a file"],
    passes: [
      "a dead letter",
      "deadLetters",
      "dead_letter",
      "DeadLetterStore",
      "letters and digits",
    ],
  },
  {
    not: "happening",
    but: "event",
    pattern: /[hH]appenings?(?![a-z])/,
    finds: ["each happening", "RecentHappenings"],
    passes: ["what happens", "it happened"],
  },
  {
    not: "takes back",
    but: "withdraws",
    pattern: /\b(takes?|taken|took) back\b/i,
    finds: ["the source takes back a trajectory"],
    passes: ["takes a backup"],
  },
  {
    not: "has … no more",
    but: "no longer has",
    pattern: /\b(has|have|is|are|was|works?|had)\b[^.\n]{0,40}? no more(?= ?[(.:;,]|$)/,
    finds: ["the file has 3 trajectories no more.", "works on the runs no more (lost the lease)"],
    passes: ["has no more than 512 events", "at most three, no more"],
  },
  {
    not: "is not to be had, can't be had",
    but: "is unavailable, could not be fetched",
    pattern: /\b(not to|can't|cannot|could not|couldn't) be had\b/i,
    finds: ["the list is not to be had", "those that can't be had are skipped"],
    passes: ["what had to be done"],
  },
  {
    not: "told, for a wrapper or a report",
    but: "withDatabaseErrors, or what it does; reported, known",
    pattern: /\btold ?\(|\b(is|are) told\b(?! (apart|from|by|to))/,
    finds: ["await told(() => read())", "a failure is told, and", "parts are told."],
    passes: ["can't be told apart", "is told apart by", "does what it is told to"],
  },
  {
    not: "alone, for a lock",
    but: "withKeyLock",
    pattern: /\bstillAlone\b|\balone(<\w+>)?\(|\bAlone\b/,
    finds: ["await keys.alone(key, work)", "alone<Answer>(key)", "stillAlone"],
    passes: ["the broker alone", "left alone"],
  },
  {
    not: "wave",
    but: "pass",
    pattern: /(?<![a-z])waves?(?![a-z])|Waves?(?![a-z])/,
    finds: ["splitIntoWaves", "a batch in waves"],
    passes: ["wavelength"],
  },
  {
    not: "stumbled",
    but: "failed and retries",
    pattern: /\bstumbl(e|es|ed|ing)\b/i,
    finds: ["the producer stumbled"],
    passes: [],
  },
  {
    not: "what of it",
    but: "say the noun again",
    pattern: /\bwhat of (it|a|an|the|its)\b/i,
    finds: ["What of a comparison is withdrawn"],
    passes: ["of what it holds"],
  },
  {
    not: "brought it so, came with it so",
    but: "sent it this way",
    pattern: /\bbrought it so\b|\bcame so\b/i,
    finds: ["fetch 3 brought it so"],
    passes: ["brought it down"],
  },
  {
    not: "yardstick",
    but: "baseline",
    pattern: /yardsticks?/i,
    finds: ["the yardstick"],
    passes: [],
  },
  {
    not: "house, room",
    but: "codebase, module",
    pattern: /\b(the house|house's|rooms?)\b/i,
    onlyInDocs: true,
    finds: ["the house's own", "which room may import"],
    passes: ["warehouse", "household"],
  },
];

/** What people read: sources with their messages and comments, pages, schemas, rules for alerts, examples. */
const READ = [
  "src",
  "packages",
  "docs",
  "schemas",
  "ops",
  "sample",
  "container",
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "Dockerfile",
  "compose.yaml",
  "deno.json",
  ".ci/run",
];
/** Applied migrations never change: a database knows them by their checksums. */
const FIXED = "src/store/migrations";
const TEXT = /\.(ts|js|css|html|md|sql|avsc|json|ya?ml|sh|service|env|example)$|^[^.]+$/;

function texts(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const found = join(path, entry.name);
    if (entry.isDirectory()) {
      return entry.name === "node_modules" || relative(ROOT, found) === FIXED ? [] : texts(found);
    }
    return TEXT.test(entry.name) ? [found] : [];
  });
}

const files = READ.flatMap((name) => {
  const path = join(ROOT, name);
  return /\.\w+$|^Dockerfile$|^\.ci/.test(name) ? [path] : texts(path);
}).map((path) => ({ name: relative(ROOT, path), text: readFileSync(path, "utf8") }));

/** The lines in which the pattern ends a match, with their numbers from 1; a phrase may begin in the line before. */
function* linesWith(pattern: RegExp, text: string): Generator<[number, string]> {
  const everywhere = new RegExp(pattern, `${pattern.flags}g`);
  let before = "";
  for (const [at, raw] of text.split("\n").entries()) {
    const line = raw.replace(/^\s*(\*|\/\/|#|>|-)?\s*/, "");
    for (const match of `${before} ${line}`.matchAll(everywhere)) {
      if (match.index + match[0].length > before.length) {
        yield [at + 1, line.slice(0, 120)];
        break;
      }
    }
    before = line;
  }
}

const isDocument = (name: string) => /^(docs\/|README\.md|packages\/[^/]+\/README\.md)/.test(name);

describe("the glossary", () => {
  test.each(GLOSSARY)("knows “$not” when it sees it", ({ pattern, finds, passes }) => {
    expect(finds.filter((text) => !pattern.test(text))).toEqual([]);
    expect(passes.filter((text) => pattern.test(text))).toEqual([]);
  });

  test("is held to in sources and pages, and reads them all", () => {
    expect(files.length).toBeGreaterThan(300);
    for (const name of ["src/main.ts", "README.md", "docs/architecture.md", ".ci/run"]) {
      expect(files.map((file) => file.name)).toContain(name);
    }
  });

  test.each(GLOSSARY)("“$not”: write “$but”", ({ pattern, onlyInDocs }) => {
    const found = files
      .filter(({ name }) => !onlyInDocs || isDocument(name))
      .flatMap(({ name, text }) => [
        ...(pattern.test(name) ? [name] : []),
        ...[...linesWith(pattern, text)].map(([number, line]) => `${name}:${number} ${line}`),
      ]);
    expect(found).toEqual([]);
  });
});
