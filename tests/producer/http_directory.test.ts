/** The data directory over real HTTP, against a server that does everything wrong that servers do. */
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PermanentError } from "@gmn/failures";
import { createObserver, type ServiceEvent } from "../../src/observe/observe.ts";
import {
  FileChangedError,
  type OpenedFile,
  SourceUnavailableError,
} from "../../src/producer/source/data_directory.ts";
import {
  HttpDirectory,
  type HttpDirectoryOptions,
} from "../../src/producer/source/http_directory.ts";
import { type MisbehavingServer, serve, startMisbehavingServer } from "./misbehaving_server.ts";

const NAME = "traj_summary_all.txt";
const BODY = new TextEncoder().encode(
  Array.from({ length: 5000 }, (_, i) => `line ${i} of the file\n\r`).join(""),
);
const FILE = { body: BODY, etag: '"1-a"', lastModified: "Mon, 23 Nov 2026 00:10:00 GMT" };
const IDENTITY = {
  size_bytes: BODY.length,
  etag: FILE.etag,
  lastModified: FILE.lastModified,
  listed: null,
};
const SECOND = { ...FILE, body: BODY.map((byte) => byte ^ 1), etag: '"2-b"' };

let server: MisbehavingServer;
let happened: ServiceEvent[];

beforeEach(async () => {
  server = await startMisbehavingServer();
  happened = [];
});
afterEach(() => server.stop());

function directory(options: HttpDirectoryOptions = {}) {
  const observer = createObserver();
  observer.listen((event) => happened.push(event));
  return new HttpDirectory(server.url, {
    interval_ms: 0,
    backoff: { base_ms: 1, cap_ms: 5, attempts: 4 },
    observe: observer.observe,
    ...options,
  });
}

async function opened(open: Promise<OpenedFile | "unchanged" | "missing">): Promise<OpenedFile> {
  const file = await open;
  if (typeof file === "string") throw new Error(`expected a file, got ${file}`);
  return file;
}

async function bytesOf(file: OpenedFile): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const expectSame = (got: Uint8Array, wanted: Uint8Array) =>
  expect(Buffer.compare(got, wanted)).toBe(0);

describe("a file", () => {
  test("is read with its identity; who asks is said; nothing is compressed", async () => {
    server.on(NAME, (request, response) => serve(FILE, request, response));
    const file = await opened(directory({ userAgent: "gmn-test/1.2.3" }).open(NAME));
    expect(file).toMatchObject({ identity: IDENTITY, from: 0 });
    expectSame(await bytesOf(file), BODY);
    expect(server.seen[0].headers).toMatchObject({
      "user-agent": "gmn-test/1.2.3",
      "accept-encoding": "identity",
    });
  });

  test("written in the second in which it is read keeps no identity: its next version could have the same", async () => {
    const sent = Date.UTC(2026, 10, 23, 0, 10, 1);
    for (const [age_s, isKept] of [[0, false], [1, false], [-60, false], [2, true]] as const) {
      server.on(NAME, (request, response) => {
        response.setHeader("date", new Date(sent).toUTCString());
        const lastModified = new Date(sent - age_s * 1000).toUTCString();
        serve({ ...FILE, lastModified }, request, response);
      });
      const { identity, close } = await opened(directory().open(NAME));
      expect(identity.etag !== null && identity.lastModified !== null).toBe(isKept);
      await close();
      const again = await directory().open(NAME, { unlessSame: identity });
      expect(again === "unchanged").toBe(isKept);
      if (typeof again !== "string") await again.close();
    }
  });

  test("that is not there is missing, one that is the same is unchanged", async () => {
    server.on(NAME, (request, response) => serve(FILE, request, response));
    expect(await directory().open("traj_summary_yearly_2017.txt")).toBe("missing");
    expect(await directory().open(NAME, { unlessSame: IDENTITY })).toBe("unchanged");
    expect(server.seen[1].headers).toMatchObject({
      "if-none-match": FILE.etag,
      "if-modified-since": FILE.lastModified,
    });
    const changed = await opened(
      directory().open(NAME, {
        unlessSame: { ...IDENTITY, etag: '"0"' },
      }),
    );
    await changed.close();
  });

  test("is unchanged also when the server knows no conditions", async () => {
    server.on(NAME, (_, response) => {
      response.writeHead(200, {
        "last-modified": FILE.lastModified,
        "content-length": String(BODY.length),
      }).end(BODY);
    });
    expect(await directory().open(NAME, { unlessSame: { ...IDENTITY, etag: null } }))
      .toBe("unchanged");
  });

  test("outside the data directory is never asked for", async () => {
    for (const path of ["../x.txt", "daily/../../x.txt", "/etc/x.txt", "http://x/y.txt", "x.tmp"]) {
      await expect(directory().open(path)).rejects.toThrow(/is not a path of the data directory/);
    }
    expect(server.seen).toEqual([]);
  });

  test("can be left in the middle, and closed without being read", async () => {
    server.on(NAME, (request, response) => serve(FILE, request, response));
    const left = await opened(directory().open(NAME));
    for await (const _ of left.chunks) break;
    const unread = await opened(directory().open(NAME));
    await unread.close();
    await unread.close();
  });
});

describe("errors", () => {
  test("429 and 5xx are tried again, and the retries are told", async () => {
    server.on(NAME, (request, response, nth) => {
      if (nth === 1) response.writeHead(429).end();
      else if (nth === 2) response.writeHead(503).end("busy");
      else serve(FILE, request, response);
    });
    expectSame(await bytesOf(await opened(directory().open(NAME))), BODY);
    expect(happened.map(({ name }) => name)).toEqual(["source.retry", "source.retry"]);
    expect(happened[0].detail).toMatchObject({ reason: `${server.url}${NAME} answered 429` });
  });

  test("Retry-After keeps every request waiting", async () => {
    server.on(NAME, (request, response, nth) => {
      if (nth === 1) response.writeHead(429, { "retry-after": "1" }).end();
      else serve(FILE, request, response);
    });
    const source = directory();
    await bytesOf(await opened(source.open(NAME)));
    expect(server.seen[1].at_ms - server.seen[0].at_ms).toBeGreaterThan(990);
  });

  test("that stay are given up in words", async () => {
    server.on(NAME, (_, response) => response.writeHead(500).end());
    await expect(directory().open(NAME)).rejects.toThrow(SourceUnavailableError);
    expect(server.seen).toHaveLength(4);
  });

  test("that will not pass are not tried again", async () => {
    server.on(NAME, (_, response) => response.writeHead(403).end("no"));
    await expect(directory().open(NAME)).rejects.toThrow(PermanentError);
    expect(server.seen).toHaveLength(1);
  });

  test("a host that is not there is a plain reason", async () => {
    const gone = new HttpDirectory(server.url, {
      interval_ms: 0,
      backoff: { base_ms: 1, cap_ms: 1, attempts: 2 },
    });
    await server.stop();
    await expect(gone.list("daily")).rejects.toThrow(/can't reach http:\/\/127.0.0.1:\d+\/data\//);
    server = await startMisbehavingServer();
  });

  test("a server that never answers runs into the time-out", async () => {
    server.on(NAME, () => {});
    const impatient = directory({
      responseTimeout_ms: 30,
      backoff: { base_ms: 1, cap_ms: 1, attempts: 2 },
    });
    await expect(impatient.open(NAME)).rejects.toThrow(/did not answer within 0.03 s/);
    expect(server.seen).toHaveLength(2);
  });

  test("a connection that is reset before any answer is tried again", async () => {
    server.on(NAME, (request, response, nth) => {
      if (nth === 1) request.socket.destroy();
      else serve(FILE, request, response);
    });
    expectSame(await bytesOf(await opened(directory().open(NAME))), BODY);
  });

  test("an abort ends a wait at once, with its own reason", async () => {
    server.on(NAME, (_, response) => response.writeHead(503).end());
    const abort = new AbortController();
    const slow = directory({ backoff: { base_ms: 60_000, cap_ms: 60_000, attempts: 3 } });
    const opening = slow.open(NAME, { signal: abort.signal });
    await expect.poll(() => happened.length).toBe(1);
    abort.abort(new Error("cancelled"));
    await expect(opening).rejects.toThrow("cancelled");
  });

  test("an abort ends the reading of a body at once", async () => {
    server.on(NAME, (_, response) => {
      response.writeHead(200, { "content-length": "1000000" }).write("something");
    });
    const abort = new AbortController();
    const file = await opened(directory().open(NAME, { signal: abort.signal }));
    const reading = (async () => {
      for await (const _ of file.chunks) abort.abort(new Error("cancelled"));
    })();
    await expect(reading).rejects.toThrow("cancelled");
  });
});

describe("a broken download", () => {
  test("goes on where it broke, byte for byte", async () => {
    server.on(NAME, (request, response, nth) => {
      serve(FILE, request, response, nth < 4 ? 20_000 : Infinity);
    });
    expectSame(await bytesOf(await opened(directory().open(NAME))), BODY);
    const resumed = server.seen[1].headers;
    expect(resumed["if-range"]).toBe(FILE.etag);
    expect(Number(/^bytes=(\d+)-$/.exec(resumed.range ?? "")?.[1])).toBeGreaterThan(0);
  });

  test("is resumed by time when the ETag is weak", async () => {
    const weak = { ...FILE, etag: 'W/"1-a"' };
    server.on(NAME, (request, response, nth) => {
      serve(weak, request, response, nth === 1 ? 20_000 : Infinity);
    });
    expectSame(await bytesOf(await opened(directory().open(NAME))), BODY);
    expect(server.seen[1].headers["if-range"]).toBe(FILE.lastModified);
  });

  test("passes over what it has when the server knows no ranges", async () => {
    server.on(NAME, (request, response, nth) => {
      delete request.headers.range;
      serve(FILE, request, response, nth === 1 ? 20_000 : Infinity);
    });
    expectSame(await bytesOf(await opened(directory().open(NAME))), BODY);
  });

  test("of a file that changed meanwhile says so", async () => {
    server.on(NAME, (request, response, nth) => {
      if (nth === 1) serve(FILE, request, response, 20_000);
      else serve(SECOND, request, response);
    });
    await expect(bytesOf(await opened(directory().open(NAME)))).rejects.toThrow(FileChangedError);
  });

  test("is not glued to another file by a server that ignores If-Range", async () => {
    server.on(NAME, (request, response, nth) => {
      if (nth === 1) return serve(FILE, request, response, 20_000);
      delete request.headers["if-range"];
      serve(SECOND, request, response);
    });
    await expect(bytesOf(await opened(directory().open(NAME)))).rejects.toThrow(FileChangedError);
  });

  test("is not glued from a range that was not asked for", async () => {
    server.on(NAME, (request, response, nth) => {
      if (nth === 1) return serve(FILE, request, response, 20_000);
      request.headers.range = "bytes=5-";
      serve(FILE, request, response);
    });
    await expect(bytesOf(await opened(directory().open(NAME)))).rejects.toThrow(FileChangedError);
  });

  test("of a file that shrank or vanished says so", async () => {
    for (const status of [404, 416]) {
      server.on(NAME, (request, response) => {
        if (request.headers.range === undefined) serve(FILE, request, response, 20_000);
        else response.writeHead(status).end();
      });
      await expect(bytesOf(await opened(directory().open(NAME)))).rejects.toThrow(FileChangedError);
    }
  });

  test("that breaks again and again without progress is given up", async () => {
    server.on(NAME, (request, response) => serve(FILE, request, response, 10));
    await expect(bytesOf(await opened(directory().open(NAME)))).rejects.toThrow(
      SourceUnavailableError,
    );
    expect(server.seen.length).toBe(6);
  });

  test("without anything to identify the file by is an error, not a guess", async () => {
    server.on(NAME, (request, response) => serve({ body: BODY }, request, response, 20_000));
    await expect(bytesOf(await opened(directory().open(NAME)))).rejects.toThrow(
      SourceUnavailableError,
    );
    expect(server.seen).toHaveLength(1);
  });

  test("that falls silent is taken for dead and goes on", async () => {
    server.on(NAME, (request, response, nth) => {
      if (nth > 1) return serve(FILE, request, response);
      response.writeHead(200, {
        etag: FILE.etag,
        "content-length": String(BODY.length),
      }).write(BODY.subarray(0, 1000));
    });
    const file = await opened(directory({ idleTimeout_ms: 30 }).open(NAME));
    expectSame(await bytesOf(file), BODY);
    expect(happened[0].detail).toMatchObject({
      reason: expect.stringMatching(/nothing for 0.03 s/),
    });
  });

  test("is not taken for dead because its reader is slow", async () => {
    server.on(NAME, (request, response) => serve(FILE, request, response));
    const file = await opened(directory({ idleTimeout_ms: 30 }).open(NAME));
    let first = true;
    for await (const _ of file.chunks) {
      // Time passes in the reader, not on the wire: what is waited for is a timer that outlasts the time-out.
      if (first) await new Promise((resolve) => setTimeout(resolve, 80));
      first = false;
    }
    expect(happened).toEqual([]);
  });
});

describe("a checkpoint", () => {
  const from = { byteOffset: 30_000, identity: IDENTITY };

  test("is gone on from when the file is the same", async () => {
    server.on(NAME, (request, response) => serve(FILE, request, response));
    const file = await opened(directory().open(NAME, { from }));
    expect(file).toMatchObject({ from: 30_000, identity: IDENTITY });
    expectSame(await bytesOf(file), BODY.subarray(30_000));
  });

  test("also without ranges", async () => {
    server.on(NAME, (request, response) => {
      delete request.headers.range;
      serve(FILE, request, response);
    });
    const file = await opened(directory().open(NAME, { from }));
    expect(file.from).toBe(30_000);
    expectSame(await bytesOf(file), BODY.subarray(30_000));
  });

  test("does not hold for another file, at its end, or beyond it", async () => {
    server.on(NAME, (request, response) => serve(SECOND, request, response));
    const other = await opened(directory().open(NAME, { from }));
    expect(other).toMatchObject({ from: 0, identity: { etag: SECOND.etag } });
    expectSame(await bytesOf(other), SECOND.body);
    server.on(NAME, (request, response) => serve(FILE, request, response));
    const end = { byteOffset: BODY.length, identity: IDENTITY };
    const ended = await opened(directory().open(NAME, { from: end }));
    expect(ended.from).toBe(0);
    expectSame(await bytesOf(ended), BODY);
  });
});

describe("compression", () => {
  test("that nobody asked for is undone", async () => {
    const body = gzipSync(BODY);
    server.on(NAME, (_, response) => {
      response.writeHead(200, {
        "content-encoding": "gzip",
        "content-length": String(body.length),
        etag: 'W/"1-a"',
      }).end(body);
    });
    const file = await opened(directory().open(NAME));
    expect(file.identity.size_bytes).toBeNull();
    expectSame(await bytesOf(file), BODY);
  });

  test("cut short is noticed", async () => {
    const body = gzipSync(BODY);
    server.on(NAME, (_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(body.subarray(0, 500));
    });
    await expect(bytesOf(await opened(directory().open(NAME)))).rejects.toThrow(
      SourceUnavailableError,
    );
  });

  test("that is not known is refused", async () => {
    server.on(NAME, (_, response) => {
      response.writeHead(200, { "content-encoding": "zstd" }).end("xx");
    });
    await expect(bytesOf(await opened(directory().open(NAME)))).rejects.toThrow(/encoded as zstd/);
  });
});

describe("redirects", () => {
  test("are followed when the directory moved as a whole", async () => {
    server.on(
      NAME,
      (_, response) => response.writeHead(301, { location: `/data/new/${NAME}` }).end(),
    );
    server.on(`new/${NAME}`, (request, response) => serve(FILE, request, response));
    expectSame(await bytesOf(await opened(directory().open(NAME))), BODY);
  });

  test.each([
    ["http://localhost:1/data/" + NAME, /another host/],
    ["//evil.test/" + NAME, /another host/],
    ["file:///etc/" + NAME, /not http or https/],
    ["/login.html", /another file/],
    ["http://user:pw@127.0.0.1/" + NAME, /another host|credentials/],
    ["http://[", /not a URL/],
  ])("to %s are refused", async (location, reason) => {
    server.on(NAME, (_, response) => response.writeHead(302, { location }).end());
    await expect(directory().open(NAME)).rejects.toThrow(reason);
    await expect(directory().open(NAME)).rejects.toThrow(PermanentError);
  });

  test("that go round in circles end", async () => {
    server.on(NAME, (_, response) => response.writeHead(302, { location: NAME }).end());
    await expect(directory().open(NAME)).rejects.toThrow(/redirects more than 5 times/);
    expect(server.seen).toHaveLength(6);
  });
});

describe("a listing", () => {
  const page = `<pre><a href="../">../</a>\n<a href="x.txt">x.txt</a>  23-Nov-2026 06:10  5\n` +
    `<a href="http://127.0.0.1:1/evil.txt">evil</a> <a href="..%2fevil.txt">evil</a></pre>`;

  test("is read, compressed or not, and only names files of its folder", async () => {
    server.on("daily/", (_, response) => response.writeHead(200).end(page));
    server.on(
      "monthly/",
      (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(page)),
    );
    expect(await directory().list("daily")).toMatchObject([
      { path: "daily/x.txt", listed: "23-Nov-2026 06:10 5", size_bytes: 5 },
    ]);
    expect(await directory().list("monthly")).toMatchObject([{ path: "monthly/x.txt" }]);
    expect(await directory().list("")).toBe("missing");
  });

  test("that breaks off is read again", async () => {
    server.on("daily/", (request, response, nth) => {
      serve({ body: new TextEncoder().encode(page) }, request, response, nth === 1 ? 20 : Infinity);
    });
    expect(await directory().list("daily")).toHaveLength(1);
  });

  test("without an end is given up", async () => {
    server.on("daily/", (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(1 << 20)));
      };
      response.on("drain", more);
      more();
    });
    await expect(directory().list("daily")).rejects.toThrow(/longer than 8388608 bytes/);
  });
});

test("requests keep their distance, and those of a daily run go first", async () => {
  server.on("daily/", (_, response) => response.writeHead(200).end());
  server.on("monthly/", (_, response) => response.writeHead(200).end());
  const source = directory({ interval_ms: 50 });
  await Promise.all([
    source.list("monthly", { priority: "backfill" }),
    source.list("monthly", { priority: "backfill" }),
    source.list("monthly", { priority: "backfill" }),
    source.list("daily", { priority: "daily" }),
  ]);
  expect(server.seen.map(({ path }) => path)).toEqual([
    "monthly/",
    "daily/",
    "monthly/",
    "monthly/",
  ]);
  const starts = server.seen.map(({ at_ms }) => at_ms);
  for (let i = 1; i < starts.length; i++) expect(starts[i] - starts[i - 1]).toBeGreaterThan(40);
});
