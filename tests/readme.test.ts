/**
 * Keeps the README true where it repeats the code: settings, tasks, dependencies, links.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { SETTINGS, settingsMarkdown } from "../src/config.ts";

const ROOT = resolve(import.meta.dirname!, "..");
const readme = readFileSync(join(ROOT, "README.md"), "utf8");

interface DenoJson {
  imports: Record<string, string>;
  tasks: Record<string, unknown>;
}

const readDenoJson = (path: string) =>
  JSON.parse(readFileSync(join(ROOT, path), "utf8")) as DenoJson;
const denoJson = readDenoJson("deno.json");

/** Names of the packages that a deno.json imports. */
const packagesOf = ({ imports }: DenoJson) => [
  ...new Set(
    Object.values(imports).map((specifier) => /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(specifier)![1]!),
  ),
];

/** The cells of a Markdown table's rows, without the padding that the formatter adds. */
function rows(markdown: string): string[][] {
  return markdown.split("\n").filter((line) => line.startsWith("|") && !/^[|\s:-]+$/.test(line))
    .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()));
}

describe("the README", () => {
  test("has the table of settings that the code has", () => {
    const section = readme.split("<!-- settings:")[1]?.split("<!-- /settings -->")[0] ?? "";
    expect(rows(section)).toEqual(rows(settingsMarkdown()));
    expect(rows(section)).toHaveLength(Object.keys(SETTINGS).length + 1);
  });

  test("names every task, and no other", () => {
    const section = readme.split("## Commands")[1]!.split("\n## ")[0]!;
    const named = rows(section).slice(1).flatMap(([cell]) =>
      [...cell!.matchAll(/`([a-z:]+)/g)].map((match) => match[1]!)
    );
    expect(named.toSorted()).toEqual(Object.keys(denoJson.tasks).toSorted());
  });

  test("says what each dependency is for", () => {
    const section = readme.split("## Dependencies")[1]!;
    const lines = rows(section).map(([names, reason]) => ({ names: names!, reason: reason! }));
    const isNamed = (name: string, isDevelopment: boolean) =>
      lines.some(({ names, reason }) =>
        names.includes(`\`${name}\``) && reason.includes("(development only)") === isDevelopment
      );
    expect(packagesOf(denoJson).filter((name) => !isNamed(name, false))).toEqual([]);
    const development = packagesOf(readDenoJson("dev/packages.json"));
    expect(development.filter((name) => !isNamed(name, true))).toEqual([]);
  });
});

test.each([
  "README.md",
  "CONTRIBUTING.md",
  "docs/architecture.md",
  "docs/guarantees.md",
  "docs/redpanda.md",
  "docs/deploy-fly.md",
  "docs/api.md",
  "docs/runbook.md",
  "docs/errors.md",
  "docs/decisions/README.md",
])(
  "links of %s lead somewhere",
  (page) => {
    const text = readFileSync(join(ROOT, page), "utf8");
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1]!);
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(page), link)))).toEqual([]);
  },
);
