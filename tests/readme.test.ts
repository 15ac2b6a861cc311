/**
 * Keeps README.md and docs/ in sync with the code (settings, tasks, dependencies, links), and the README short.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { SETTINGS } from "../src/config.ts";

const ROOT = resolve(import.meta.dirname!, "..");
const page = (path: string) => readFileSync(join(ROOT, path), "utf8");
/** Longer content belongs on a page of docs/ that the README links to. */
const README_LINES = 150;

interface DenoJson {
  imports: Record<string, string>;
  tasks: Record<string, unknown>;
}

const readDenoJson = (path: string) => JSON.parse(page(path)) as DenoJson;
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

/** The settings as a Markdown table. */
function settingsMarkdown(): string {
  const rows = Object.entries(SETTINGS).map(([name, { fallback, meaning }]) => {
    const shownFallback = fallback === undefined ? "" : `\`${fallback}\``;
    return `| \`${name}\` | ${shownFallback} | ${meaning} |`;
  });
  return ["| setting | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

test("docs/settings.md has the code's table of settings", () => {
  const section = page("docs/settings.md").split("<!-- settings:")[1]
    ?.split("<!-- /settings -->")[0] ?? "";
  expect(rows(section)).toEqual(rows(settingsMarkdown()));
  expect(rows(section)).toHaveLength(Object.keys(SETTINGS).length + 1);
});

test("docs/commands.md names every task, and no other", () => {
  const section = page("docs/commands.md").split("## Tasks")[1]!.split("\n## ")[0]!;
  const named = rows(section).slice(1).flatMap(([cell]) =>
    [...cell!.matchAll(/`([a-z:]+)/g)].map((match) => match[1]!)
  );
  expect(named.toSorted()).toEqual(Object.keys(denoJson.tasks).toSorted());
});

test("docs/dependencies.md says what each dependency is for", () => {
  const lines = rows(page("docs/dependencies.md"))
    .map(([names, reason]) => ({ names: names!, reason: reason! }));
  const isNamed = (name: string, isDevelopment: boolean) =>
    lines.some(({ names, reason }) =>
      names.includes(`\`${name}\``) && reason.includes("(development only)") === isDevelopment
    );
  expect(packagesOf(denoJson).filter((name) => !isNamed(name, false))).toEqual([]);
  const development = packagesOf(readDenoJson("dev/packages.json"));
  expect(development.filter((name) => !isNamed(name, true))).toEqual([]);
});

/** README.md and the like, and every page under docs/. */
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md")).toSorted().map((name) => `docs/${name}`),
];

/** A page's links to files of the project: the text of the link, the file relative to the root, the anchor. */
function linksOf(path: string): { text: string; file: string; anchor: string | undefined }[] {
  const text = page(path).replaceAll(/```[\s\S]*?```/g, "");
  return [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map((
    [text, file, anchor],
  ) => ({ text, file: file === "" ? path : join(dirname(path), file!), anchor }));
}

/** The anchors that GitHub gives the headings of a page. */
const anchorsOf = (markdown: string) =>
  [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-")
  );

describe("the README", () => {
  test(`has at most ${README_LINES} lines`, () => {
    expect(page("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(README_LINES);
  });

  test("leads to every page of docs/, directly or through other pages", () => {
    const reached = new Set(["README.md"]);
    for (const path of reached) {
      for (const { file } of linksOf(path)) {
        const target = file.endsWith("/") ? `${file}README.md` : file;
        if (pages.includes(target)) reached.add(target);
      }
    }
    expect(pages.filter((path) => !reached.has(path))).toEqual([]);
  });
});

test.each(pages)("links of %s are valid", (path) => {
  const lost = linksOf(path).filter(({ file, anchor }) =>
    !existsSync(join(ROOT, file)) ||
    (anchor !== undefined && !anchorsOf(page(file)).includes(anchor))
  );
  expect(lost.map(({ text }) => text)).toEqual([]);
});

// The changelog may name files that no longer exist. NAME stands for the reader's own file.
test.each(pages.filter((path) => path !== "CHANGELOG.md"))(
  "files that %s names exist",
  (path) => {
    const named = [
      ...page(path).matchAll(/`((?:src|tests|packages|schemas|sample|bench|ops|dev)\/[^\s`*]*)`/g),
    ]
      .map((match) => match[1]!);
    expect(named.filter((file) => !file.includes("NAME") && !existsSync(join(ROOT, file)))).toEqual(
      [],
    );
  },
);
