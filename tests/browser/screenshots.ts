/**
 * `deno task screenshots`: the pictures of docs/dashboard.md, taken of the demo running in a temporary folder.
 */
import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import type { Browser, Page } from "playwright-core";
import { startBrowser } from "./browser.ts";

const IMAGES = resolve(import.meta.dirname!, "../../docs/images");
/** A start without downloads: PostgreSQL, broker and 3,500 made-up meteors. */
const START_MS_MAX = 120_000;
const LOOK_MS = 250;

interface Picture {
  readonly name: string;
  readonly address: string;
  readonly colours: "light" | "dark";
  readonly height: number;
  readonly seen: (page: Page) => Promise<unknown>;
}

const PICTURES: readonly Picture[] = [
  {
    name: "now",
    address: "#/now",
    colours: "light",
    height: 800,
    seen: (page) => page.getByText("Completed").first().waitFor(),
  },
  {
    name: "run",
    address: "#/runs",
    colours: "light",
    height: 800,
    async seen(page) {
      await page.getByRole("table").getByRole("link", { name: /daily/ }).last().click();
      await page.getByText("everything is accounted for").waitFor();
    },
  },
  {
    name: "meteors",
    address: "#/meteors",
    colours: "light",
    height: 1180,
    seen: (page) => page.locator(".bar").nth(40).waitFor(),
  },
  {
    name: "meteors-dark",
    address: "#/meteors",
    colours: "dark",
    height: 760,
    seen: (page) => page.locator(".bar").nth(40).waitFor(),
  },
];

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gmn-screenshots-"));
  // As root, PostgreSQL runs as another user, who must reach the folder; else the cluster would be put elsewhere and stay there.
  await chmod(folder, 0o755);
  const demo = spawn("deno", ["run", "-A", "src/commands/demo.ts"], {
    cwd: resolve(import.meta.dirname!, "../.."),
    stdio: "ignore",
    env: {
      ...process.env,
      DATA_DIR: folder,
      BROKER: "embedded",
      HTTP_PORT: "0",
      KAFKA_PORT: "0",
      SCHEMA_REGISTRY_PORT: "0",
      POSTGRES_PORT: "0",
    },
  });
  const ended = new Promise((resolve) => demo.once("exit", resolve));
  try {
    const url = await whenLoaded(folder);
    await mkdir(IMAGES, { recursive: true });
    const browser = await startBrowser();
    for (const picture of PICTURES) await take(browser, url, picture);
    await browser.close();
  } finally {
    demo.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

/** The address of the demo, once its first run has loaded everything. */
async function whenLoaded(folder: string): Promise<string> {
  const deadline = Date.now() + START_MS_MAX;
  while (Date.now() < deadline) {
    try {
      const { http } = JSON.parse(await readFile(join(folder, "service.json"), "utf8"));
      const { runs } = await (await fetch(`${http}/runs`)).json();
      const run = runs[0];
      if (run?.state === "completed" && run.rows.loaded === run.rows.published) return http;
    } catch {
      // Not up yet.
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`the demo was not loaded within ${START_MS_MAX / 1000} s`);
}

async function take(
  browser: Browser,
  url: string,
  { name, address, colours, height, seen }: Picture,
): Promise<void> {
  const page = await browser.newPage({
    viewport: { width: 1280, height },
    colorScheme: colours,
    reducedMotion: "reduce",
  });
  // The folder of a usual demo, not this temporary one.
  await page.route("**/status", async (route) => {
    const response = await route.fetch();
    const status = await response.json();
    status.parts.database.detail = status.parts.database.detail.replace(
      / in .*/,
      " in data/demo/postgres",
    );
    await route.fulfill({ response, json: status });
  });
  await page.goto(`${url}/${address}`);
  await seen(page);
  // Wait for outlines and fonts. (The event stream never ends, so the network is never idle.)
  await page.evaluate(() => document.fonts.ready);
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1500)));
  await page.screenshot({ path: join(IMAGES, `${name}.png`) });
  await page.close();
}

await main();
