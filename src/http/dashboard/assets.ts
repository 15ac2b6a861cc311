/**
 * The dashboard's files as sent to the browser: nothing is built, nothing is fetched from elsewhere.
 *
 * Only the files listed here are served. Every file is under `/assets/VERSION/`, where VERSION is a hash of all of them, so
 * browsers may cache them forever and never mix two versions; `index.html` names the version and is requested each time.
 *
 * Modules import packages by their bare names, as everywhere else (so that the compiler and the tests find them too). A browser
 * needs an import map to resolve these, which would have to be an inline script, so they are rewritten here.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readOutlines, WORLD_FILES } from "./world.ts";

/** A file as it is sent. */
export interface Asset {
  readonly body: string;
  readonly type: string;
}

export interface Assets {
  /** Hash of all files. */
  readonly version: string;
  readonly index: Asset;
  /** The file with this name, such as `views/now.js`; null when there is none. */
  get(name: string): Asset | null;
  readonly names: readonly string[];
}

const SITE = fileURLToPath(new URL("./site/", import.meta.url));
const require = createRequire(import.meta.url);

const TYPES: Record<string, string> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".html": "text/html; charset=utf-8",
};

/** The packages that modules import: bare name → the module, beside the package's main file; its name under `vendor/`. */
const PACKAGES: Record<string, { readonly file: string; readonly name: string }> = {
  "preact": { file: "preact.mjs", name: "preact.js" },
  "preact/hooks": { file: "hooks.mjs", name: "preact-hooks.js" },
  "htm": { file: "htm.mjs", name: "htm.js" },
};

/** Reads every file once. @throws when a package or a file is missing */
export function readAssets(): Assets {
  const sources = new Map<string, string | (() => string)>();
  for (const name of siteFiles()) {
    if (name !== "index.html") sources.set(name, readFileSync(join(SITE, name), "utf8"));
  }
  for (const [bare, { file, name }] of Object.entries(PACKAGES)) {
    sources.set(`vendor/${name}`, readFileSync(join(dirname(require.resolve(bare)), file), "utf8"));
  }
  const index = readFileSync(join(SITE, "index.html"), "utf8");

  const hash = createHash("sha256").update(index);
  for (const [name, source] of sources) hash.update(`\0${name}\0${source}`);
  hash.update(JSON.stringify(WORLD_FILES));
  const version = hash.digest("hex").slice(0, 16);

  // Preparing outlines takes tens of milliseconds, so it is done once, at the first request.
  for (const name of Object.keys(WORLD_FILES)) sources.set(name, () => readOutlines(name));
  const ready = new Map<string, Asset>();
  return {
    version,
    index: { body: index.replaceAll("{{assets}}", `/assets/${version}`), type: TYPES[".html"]! },
    names: [...sources.keys()],
    get(name) {
      const source = sources.get(name);
      if (source === undefined) return null;
      let asset = ready.get(name);
      if (asset === undefined) {
        const text = typeof source === "string" ? source : source();
        asset = {
          body: name.endsWith(".js") ? withPackagePaths(text, version) : text,
          type: TYPES[extension(name)]!,
        };
        ready.set(name, asset);
      }
      return asset;
    },
  };
}

/** `import … from "preact"` as `import … from "/assets/VERSION/vendor/preact.js"`. */
function withPackagePaths(text: string, version: string): string {
  return text.replace(/(\bfrom\s*|\bimport\s*)"([a-z][^"]*)"/g, (whole, keyword, bare) => {
    const target = PACKAGES[bare];
    return target === undefined ? whole : `${keyword}"/assets/${version}/vendor/${target.name}"`;
  });
}

/** Names of the files in `site/`, relative to it. Tests and types are TypeScript and are never sent to browsers. */
function siteFiles(): string[] {
  return readdirSync(SITE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(SITE.length).replaceAll("\\", "/"))
    .filter((name) => extension(name) in TYPES)
    .sort();
}

function extension(name: string): string {
  return /\.[a-z]+$/.exec(name)?.[0] ?? "";
}
