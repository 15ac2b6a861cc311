/** The source's folder behind a web server like the real one's, and the ways in which it writes its files and fails to answer. */
import { mkdir, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DataServer, type Fault, serveDataDirectory } from "../../sample/server.ts";
import { FaultyProxy } from "./faulty_proxy.ts";
import type { Writing } from "./plan.ts";
import { readText } from "./read_files.ts";
import type { Source, Window } from "./source.ts";
import { cutPosition, textOf } from "./source_text.ts";

/** How long an answer takes while the source is slow. */
const SLOW_MS = 120;
/** Where a body is cut: before most rows. */
const CUT_AFTER_BYTES = 9_000;
/** Files' times: a second for each version, since servers tell versions apart by seconds. */
const FIRST_TIME_S = Date.UTC(2026, 10, 20) / 1000;

export class SourceFolder {
  #trouble: "none" | "unavailable" | "cut bodies" | "slow" = "none";
  #versions = 0;
  /** Windows whose file is cut now. */
  readonly #cut = new Map<string, Window>();
  /** Every file that ever had an id, whole or cut. */
  readonly homes = new Map<string, Set<string>>();
  /** The ids of dead letters that lines which can't be read may have left. */
  readonly badLines = new Set<string>();

  #server: DataServer | null = null;
  #proxy: FaultyProxy | null = null;

  private constructor(readonly folder: string) {}

  static async start(folder: string): Promise<SourceFolder> {
    await mkdir(join(folder, "daily"), { recursive: true });
    const source = new SourceFolder(folder);
    const server = await serveDataDirectory({
      directory: folder,
      port: 0,
      host: "127.0.0.1",
      fault: (path) => source.#fault(path),
    });
    source.#server = server;
    source.#proxy = await FaultyProxy.start(() => server.port);
    return source;
  }

  get url(): string {
    const url = new URL(this.#server!.url);
    url.port = String(this.proxy.port);
    return url.href;
  }

  /** The network between it and the service. */
  get proxy(): FaultyProxy {
    return this.#proxy!;
  }

  set trouble(trouble: "none" | "unavailable" | "cut bodies" | "slow") {
    this.#trouble = trouble;
  }

  /** Whether a file is cut now. */
  get isCut(): boolean {
    return this.#cut.size > 0;
  }

  /** Writes these windows of the source. */
  async write(source: Source, writings: ReadonlyMap<number, Writing>): Promise<void> {
    for (const [at, writing] of writings) {
      const window = source.windows[at]!;
      const text = textOf(window);
      this.#note(window.path, text);
      if (writing.how === "cut") {
        this.#cut.set(window.path, window);
        await this.#put(window.path, text.slice(0, cutPosition(text, writing.part)), "in place");
      } else {
        this.#cut.delete(window.path);
        await this.#put(window.path, text, writing.how);
      }
    }
  }

  /** Writes all windows, whole. */
  async writeAll(source: Source): Promise<void> {
    const whole: Writing = { how: "replaced", part: 1 };
    await this.write(source, new Map(source.windows.map((_, at) => [at, whole])));
  }

  /** The cut files are written to their ends. */
  async finishCut(): Promise<void> {
    for (const window of this.#cut.values()) {
      await this.#put(window.path, textOf(window), "in place");
    }
    this.#cut.clear();
  }

  async stop(): Promise<void> {
    await this.#proxy?.stop();
    await this.#server?.stop();
  }

  async #put(path: string, text: string, how: "replaced" | "in place"): Promise<void> {
    const file = join(this.folder, path);
    const time_s = FIRST_TIME_S + ++this.#versions;
    const target = how === "replaced" ? `${file}.tmp` : file;
    await writeFile(target, text, "latin1");
    await utimes(target, time_s, time_s);
    if (how === "replaced") await rename(target, file);
  }

  #note(path: string, text: string): void {
    const { rows, badLines, stamp_ms } = readText(path, text);
    for (const id of rows.keys()) {
      this.homes.set(id, (this.homes.get(id) ?? new Set()).add(path));
    }
    const stamp = new Date(stamp_ms).toISOString();
    for (const line of badLines) this.badLines.add(`file:${path}@${stamp}#${line}`);
  }

  async #fault(path: string): Promise<Fault | undefined> {
    if (this.#trouble === "slow") await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    if (this.#trouble === "unavailable") return { status: 503 };
    if (this.#trouble === "cut bodies" && path.endsWith(".txt")) {
      return { cutAfter_bytes: CUT_AFTER_BYTES };
    }
    return undefined;
  }
}
