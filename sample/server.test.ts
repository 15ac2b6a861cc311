/** The server over real HTTP: listings, conditional requests, ranges, paths outside the root, and simulated faults. */
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { answerTo, type Conditions, entityTag } from "./conditions.ts";
import { type DataServer, serveDataDirectory, type ServeOptions } from "./server.ts";

const TEXT = "# Summary generated on 2026-11-24 06:06:14 UTC\n\r" + "0123456789".repeat(20_000);
const MODIFIED = new Date("2026-11-24T06:06:14.542Z");
const TAG = `"${Math.floor(MODIFIED.getTime() / 1000).toString(16)}-${TEXT.length.toString(16)}"`;
const NAME = "daily/traj_summary_20261123_solrange_241.0-242.0.txt";

let outside: string;
let directory: string;
const running: DataServer[] = [];

beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), "sample-server-"));
  directory = join(outside, "data");
  await mkdir(join(directory, "daily"), { recursive: true });
  await writeFile(join(outside, "secret.txt"), "secret");
  await writeFile(join(directory, NAME), TEXT);
  await utimes(join(directory, NAME), MODIFIED, MODIFIED);
  await writeFile(join(directory, "empty.txt"), "");
  await writeFile(join(directory, ".hidden"), "hidden");
  await writeFile(join(directory, `${"long".repeat(15)} & "strange".txt`), "x");
  await symlink(join(outside, "secret.txt"), join(directory, "link.txt"));
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});
afterAll(() => rm(outside, { recursive: true, force: true }));

async function serve(options: Partial<ServeOptions> = {}): Promise<DataServer> {
  const server = await serveDataDirectory({ directory, port: 0, ...options });
  running.push(server);
  return server;
}

/** Sends a request with the path exactly as given, which fetch would normalize. Returns the status. */
function rawStatus(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    });
    socket.on("data", (data) => answer += data.toString("latin1"));
    socket.on("error", reject);
    socket.on("close", () => {
      expect(answer).not.toContain("secret");
      resolve(Number(answer.split(" ")[1]));
    });
  });
}

describe("listings", () => {
  test("look like nginx's", async () => {
    const { url } = await serve();
    const page = await (await fetch(`${url}daily/`)).text();
    expect(page).toContain("<h1>Index of /data/traj_summary_data/daily/</h1>");
    expect(page).toContain('<a href="../">../</a>\r\n');
    const name = NAME.slice("daily/".length);
    expect(page).toContain(
      `<a href="${name}">${name}</a>     24-Nov-2026 06:06              ${TEXT.length}\r\n`,
    );
  });

  test("have directories first, truncate long names only in the text, and omit hidden files", async () => {
    const { url } = await serve();
    const page = await (await fetch(url)).text();
    const hrefs = [...page.matchAll(/<a href="([^"]*)"/g)].map((match) => match[1] ?? "");
    expect(hrefs.slice(0, 2)).toEqual(["../", "daily/"]);
    expect(page).not.toContain("hidden");
    expect(page).toMatch(/>(long){11}lon\.\.&gt;<\/a> /);
    const strange = hrefs.find((href) => href.startsWith("long")) ?? "";
    expect(await (await fetch(url + strange)).text()).toBe("x");
  });

  test("need a trailing slash", async () => {
    const { url } = await serve();
    const response = await fetch(`${url}daily`, { redirect: "manual" });
    await response.body?.cancel();
    expect(response.status).toBe(301);
    expect(response.headers.get("location")).toBe("/data/traj_summary_data/daily/");
  });
});

describe("files", () => {
  test("are sent whole, with validators", async () => {
    const { url, requests } = await serve();
    const response = await fetch(url + NAME);
    expect(response.status).toBe(200);
    expect(response.headers.get("etag")).toBe(TAG);
    expect(response.headers.get("last-modified")).toBe("Tue, 24 Nov 2026 06:06:14 GMT");
    expect(response.headers.get("content-length")).toBe(`${TEXT.length}`);
    expect(response.headers.get("accept-ranges")).toBe("bytes");
    expect(await response.text()).toBe(TEXT);
    const head = await fetch(url + NAME, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe(`${TEXT.length}`);
    expect(await head.text()).toBe("");
    expect(await (await fetch(`${url}empty.txt`)).text()).toBe("");
    expect(requests.all.map(({ method, status }) => [method, status])).toEqual([
      ["GET", 200],
      ["HEAD", 200],
      ["GET", 200],
    ]);
    expect(requests.all.map(({ sent_bytes }) => sent_bytes)).toEqual([TEXT.length, 0, 0]);
  });

  test("are not sent again to a client that has them", async () => {
    const { url } = await serve();
    const get = async (headers: Record<string, string>) => {
      const response = await fetch(url + NAME, { headers });
      await response.body?.cancel();
      return response.status;
    };
    expect(await get({ "If-None-Match": TAG })).toBe(304);
    expect(await get({ "If-None-Match": '"other"' })).toBe(200);
    expect(await get({ "If-Modified-Since": MODIFIED.toUTCString() })).toBe(304);
    expect(await get({ "If-Modified-Since": new Date(0).toUTCString() })).toBe(200);
  });

  test("are sent in parts, when the rest is of the same version", async () => {
    const { url } = await serve();
    const get = (headers: Record<string, string>) => fetch(url + NAME, { headers });
    const part = await get({ Range: "bytes=100-199", "If-Range": TAG });
    expect(part.status).toBe(206);
    expect(part.headers.get("content-range")).toBe(`bytes 100-199/${TEXT.length}`);
    expect(await part.text()).toBe(TEXT.slice(100, 200));
    expect(await (await get({ Range: "bytes=1000-" })).text()).toBe(TEXT.slice(1000));
    const stale = await get({ Range: "bytes=100-199", "If-Range": '"other"' });
    expect(stale.status).toBe(200);
    expect(await stale.text()).toBe(TEXT);
    const beyond = await get({ Range: `bytes=${TEXT.length}-` });
    await beyond.body?.cancel();
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get("content-range")).toBe(`bytes */${TEXT.length}`);
  });

  test("are served from the directory only", async () => {
    const { port, requests } = await serve();
    const base = "/data/traj_summary_data";
    const answered = requests.all;
    for (
      const path of [
        `${base}/../../secret.txt`,
        `${base}/%2e%2e/secret.txt`,
        `${base}/daily/..%2f..%2fsecret.txt`,
        `${base}/daily/..\\..\\secret.txt`,
        `${base}/link.txt`,
        `${base}/.hidden`,
        `${base}/%00`,
        `${base}/%zz`,
        `${base}/nothing.txt`,
        `${base}evil/`,
        "/",
        "/secret.txt",
        "//etc/passwd",
      ]
    ) {
      expect([path, await rawStatus(port, path)]).toEqual([path, 404]);
    }
    expect(answered.length).toBe(13);
  });

  test("are read-only", async () => {
    const { url } = await serve();
    const response = await fetch(url + NAME, { method: "PUT", body: "x" });
    await response.body?.cancel();
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });

  test("should be fetched slowly, according to robots.txt", async () => {
    const { url } = await serve();
    expect(await (await fetch(new URL("/robots.txt", url))).text()).toContain("Crawl-delay: 10");
  });
});

describe("faults", () => {
  test("cut a body after a number of bytes, only once", async () => {
    const { url } = await serve({
      fault: (_path, count) => count === 0 ? { cutAfter_bytes: 70_001 } : undefined,
    });
    let received = 0;
    const response = await fetch(url + NAME);
    await expect((async () => {
      for await (const chunk of response.body ?? []) received += chunk.length;
    })()).rejects.toThrow();
    expect(received).toBe(70_001);
    const rest = await fetch(url + NAME, { headers: { Range: `bytes=${received}-` } });
    expect(await rest.text()).toBe(TEXT.slice(received));
  });

  test("answer with another status, hold a request until released", async () => {
    const gate = Promise.withResolvers<{ status: number; headers: Record<string, string> }>();
    const { url, requests } = await serve({ fault: () => gate.promise });
    const pending = fetch(url + NAME);
    gate.resolve({ status: 503, headers: { "Retry-After": "7" } });
    const response = await pending;
    await response.body?.cancel();
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("7");
    expect(requests.all[0]?.status).toBe(503);
  });
});

describe("starting and stopping", () => {
  test("reports a port that is in use, and a missing directory", async () => {
    const { port } = await serve();
    await expect(serve({ port })).rejects.toThrow(`127.0.0.1:${port}`);
    await expect(serve({ directory: join(outside, "nothing") })).rejects.toThrow("nothing");
  });

  test("notifies its listeners, and frees the port during a request", async () => {
    const server = await serve({ fault: () => new Promise(() => {}) });
    const heard = new Promise<string>((resolve) => {
      void serve().then(async (other) => {
        const unlisten = other.requests.listen(({ path }) => resolve(path));
        await (await fetch(`${other.url}empty.txt`)).text();
        unlisten();
      });
    });
    expect(await heard).toBe("/data/traj_summary_data/empty.txt");
    const hanging = fetch(server.url);
    const failed = expect(hanging).rejects.toThrow();
    await server.stop();
    await failed;
    await expect(fetch(server.url)).rejects.toThrow();
  });
});

describe("ranges and conditions", () => {
  const file = { size_bytes: 1000, modified: MODIFIED };
  const ask = (conditions: Partial<Conditions>) =>
    answerTo({
      ifNoneMatch: undefined,
      ifModifiedSince: undefined,
      range: undefined,
      ifRange: undefined,
      ...conditions,
    }, file);
  test.each([
    ["bytes=0-0", { status: 206, start: 0, end: 0 }],
    ["bytes=990-2000", { status: 206, start: 990, end: 999 }],
    ["bytes=-10", { status: 206, start: 990, end: 999 }],
    ["bytes=-5000", { status: 206, start: 0, end: 999 }],
    ["bytes=-0", { status: 416 }],
    ["bytes=1000-", { status: 416 }],
    ["bytes=5-4", { status: 200 }],
    ["bytes=0-1,5-6", { status: 200 }],
    ["lines=0-1", { status: 200 }],
    ["bytes=-", { status: 200 }],
  ])("%s", (range, answer) => {
    expect(ask({ range })).toEqual(answer);
  });

  test("the tag overrides the date; If-None-Match accepts weak and listed tags", () => {
    const date = MODIFIED.toUTCString();
    expect(ask({ ifNoneMatch: '"a"', ifModifiedSince: date })).toEqual({ status: 200 });
    expect(ask({ ifNoneMatch: `"a", W/${entityTag(file)}` })).toEqual({ status: 304 });
    expect(ask({ ifNoneMatch: "*" })).toEqual({ status: 304 });
    expect(ask({ range: "bytes=0-0", ifRange: `W/${entityTag(file)}` })).toEqual({ status: 200 });
    expect(ask({ range: "bytes=0-0", ifRange: date })).toMatchObject({ status: 206 });
    expect(ask({ range: "bytes=0-0", ifRange: "yesterday" })).toEqual({ status: 200 });
    expect(ask({ ifModifiedSince: "yesterday" })).toEqual({ status: 200 });
  });
});
