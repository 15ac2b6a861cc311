/**
 * A real browser for tests: Debian's Chromium, driven by playwright-core. Where there is none, tests that need it skip and say why.
 */
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { createRequire } from "node:module";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Where Debian installs it; CHROMIUM names another. */
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Why browser tests are skipped here; null where they run. */
export const NO_BROWSER: string | null = existsSync(CHROMIUM)
  ? null
  : `no browser at ${CHROMIUM}: apt-get install chromium, or set CHROMIUM`;

/** Only our own page is opened: no sandbox (tests may run as root), and no requests of the browser's own. */
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts it. The caller closes it. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}

/** A page, and everything that must not happen on it. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Script errors, errors on the console, violations of the content security policy, requests to other hosts. */
  readonly troubles: readonly string[];
}

/** Opens a page and records its troubles. `expected` matches those that the test provokes. */
export async function openPage(
  browser: Browser,
  baseUrl: string,
  { expected = /^$/, ...options }: BrowserContextOptions & { expected?: RegExp } = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    baseURL: baseUrl,
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  const page = await context.newPage();
  const troubles: string[] = [];
  const note = (trouble: string) => {
    if (!expected.test(trouble)) troubles.push(trouble);
  };
  page.on("pageerror", (error) => note(`script: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") note(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(baseUrl).origin) {
      note(`request to ${request.url()}`);
    }
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  return { page, troubles, [Symbol.asyncDispose]: () => context.close() };
}

/** What axe finds wrong with the page as it is now, one line for each rule. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  const source = readFileSync(
    createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
    "utf8",
  );
  await page.evaluate(source);
  return await page.evaluate(async () => {
    interface Axe {
      run(
        where: Document,
      ): Promise<
        {
          violations: {
            id: string;
            help: string;
            nodes: { html: string; failureSummary?: string }[];
          }[];
        }
      >;
    }
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run(document);
    return violations.map(({ id, help, nodes }) =>
      `${id}: ${help}: ${
        nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)} (${failureSummary})`).join(
          " | ",
        )
      }`
    );
  });
}
