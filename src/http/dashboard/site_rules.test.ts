/**
 * Rules for every file of the dashboard's site. The tests of the scripts' calculations are beside them; those of the drawing are in
 * `tests/browser/`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SITE = fileURLToPath(new URL("./site/", import.meta.url));
const STYLE_LINES_MAX = 300;
const SCRIPT_LINES_MAX = 300;

const files = new Map(
  readdirSync(SITE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path.slice(SITE.length).replaceAll("\\", "/"), readFileSync(path, "utf8")]),
);
const scripts = [...files].filter(([name]) => name.endsWith(".js"));
const styles = [...files].filter(([name]) => name.endsWith(".css"));

/** Modules of the site that a script imports, by their names. */
function importsOf(name: string, text: string): string[] {
  return [...text.matchAll(/\bfrom "(\.[^"]+\.js)"/g)]
    .map(([, path]) => posix.join(posix.dirname(name), path!));
}

test("there are scripts and style sheets", () => {
  expect(scripts.length).toBeGreaterThan(40);
  expect(styles.length).toBeGreaterThan(10);
  expect(importsOf("main.js", files.get("main.js")!)).toContain("lib/html.js");
});

test("no style sheet and no script is long", () => {
  const lines = (text: string) => text.split("\n").length - 1;
  expect(styles.filter(([, text]) => lines(text) > STYLE_LINES_MAX).map(([name]) => name)).toEqual(
    [],
  );
  expect(scripts.filter(([, text]) => lines(text) > SCRIPT_LINES_MAX).map(([name]) => name))
    .toEqual([]);
});

test("every style sheet is in the page, once", () => {
  const linked = [...files.get("index.html")!.matchAll(/\/(css\/[^"]+)"/g)].map(([, name]) =>
    name!
  );
  expect(linked.toSorted()).toEqual(styles.map(([name]) => name).toSorted());
});

test("no scripts import each other in a circle", () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const follow = (name: string, path: readonly string[]) => {
    if (path.includes(name)) circles.push([...path.slice(path.indexOf(name)), name].join(" → "));
    if (path.includes(name) || done.has(name)) return;
    for (const target of importsOf(name, files.get(name)!)) follow(target, [...path, name]);
    done.add(name);
  };
  for (const [name] of scripts) follow(name, []);
  expect(circles).toEqual([]);
});

test("the compiler's checks are neither switched off nor bypassed with any", () => {
  const wrong = scripts.filter(([, text]) =>
    /@ts-(nocheck|ignore|expect-error)/.test(text) ||
    /\{[^}\n]*\bany\b[^}\n]*\}/.test(text.match(/\/\*\*[\s\S]*?\*\//g)?.join("\n") ?? "")
  );
  expect(wrong.map(([name]) => name)).toEqual([]);
});

test("the formatter skips nothing but templates", () => {
  const wrong = scripts.flatMap(([name, text]) =>
    text.includes("deno-fmt-ignore-file") ? [name] : text.split("// deno-fmt-ignore\n").slice(1)
      .filter((after) => !after.split("\n").slice(0, 4).join("\n").includes("html`"))
      .map((after) => `${name}: ${after.split("\n")[0]}`)
  );
  expect(wrong).toEqual([]);
});

test("every script opens with a comment on its content", () => {
  expect(scripts.filter(([, text]) => !text.startsWith("// ")).map(([name]) => name)).toEqual([]);
});
