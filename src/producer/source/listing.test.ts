/** Listings as the two servers print them, and malformed ones. */
import { describe, expect, test } from "vitest";
import { parseListing } from "./listing.ts";

const URL_ = new URL("https://gmn.test/data/traj_summary_data/daily/");
const parse = (html: string) => parseListing(html, URL_, "daily");

const NGINX = `<html><head><title>Index of /data/traj_summary_data/daily/</title></head><body>
<h1>Index of /data/traj_summary_data/daily/</h1><hr><pre><a href="../">../</a>
<a href="traj_summary_20261122_solrange_240.0-241.0.txt">traj_summary_20261122_solrange_240.0-241.0.txt</a>     23-Nov-2026 06:10             3745123
<a href="traj_summary_20261123_solrange_241.0-242.0.txt">traj_summary_20261123_solrange_241.0-242..&gt;</a>  3-Nov-2026 18:10                8K
<a href="traj_summary_latest_daily.txt">traj_summary_latest_daily.txt</a>                      23-Nov-2026 06:10                   -
</pre><hr></body></html>`;

const APACHE_PRE = `<pre><img src="/icons/blank.gif" alt="Icon "> <a href="?C=N;O=D">Name</a>
<a href="?C=M;O=A">Last modified</a>      <a href="?C=S;O=A">Size</a>  <hr><img src="/icons/back.gif" alt="[PARENTDIR]">
<a href="/data/traj_summary_data/">Parent Directory</a>                             -
<img src="/icons/text.gif" alt="[TXT]"> <a href="traj_summary_20240801_solrange_129.0-130.0.txt">traj_summary_20240801..&gt;</a> 2024-08-11 00:23  1.2M
</pre>`;

const APACHE_TABLE = `<table><tr><th><a href="?C=N;O=D">Name</a></th></tr>
<tr><td valign="top"><img src="/icons/text.gif"></td><td><a href="a.txt">a.txt</a></td><td align="right">2024-08-11 00:23  </td><td align="right">512 </td><td>&nbsp;</td></tr>
<tr><td><a class='x' href='b.txt'>b.txt</a>
</td><td align="right">2024-08-12 00:23&nbsp;</td>
<td align="right"> 12K</td></tr></table>`;

describe("parseListing", () => {
  test("reads nginx", () => {
    expect(parse(NGINX)).toEqual([
      {
        path: "daily/traj_summary_20261122_solrange_240.0-241.0.txt",
        name: "traj_summary_20261122_solrange_240.0-241.0.txt",
        listed: "23-Nov-2026 06:10 3745123",
        modified: new Date("2026-11-23T06:10:00Z"),
        size_bytes: 3745123,
      },
      {
        path: "daily/traj_summary_20261123_solrange_241.0-242.0.txt",
        name: "traj_summary_20261123_solrange_241.0-242.0.txt",
        listed: "3-Nov-2026 18:10 8K",
        modified: new Date("2026-11-03T18:10:00Z"),
        size_bytes: 8192,
      },
      {
        path: "daily/traj_summary_latest_daily.txt",
        name: "traj_summary_latest_daily.txt",
        listed: "23-Nov-2026 06:10",
        modified: new Date("2026-11-23T06:10:00Z"),
        size_bytes: null,
      },
    ]);
  });

  test("reads Apache, plain and table", () => {
    expect(parse(APACHE_PRE)).toMatchObject([
      { listed: "2024-08-11 00:23 1.2M", size_bytes: Math.round(1.2 * 2 ** 20) },
    ]);
    expect(parse(APACHE_TABLE)).toMatchObject([
      { path: "daily/a.txt", listed: "2024-08-11 00:23 512", size_bytes: 512 },
      { path: "daily/b.txt", listed: "2024-08-12 00:23 12K", size_bytes: 12288 },
    ]);
  });

  test("reads bare links, absolute links to the same folder, and each file once", () => {
    const html =
      `<li><a href="./a.txt">x</a><li><a href=\"https://gmn.test/data/traj_summary_data/daily/b.txt\">b</a>
      <A HREF="/data/traj_summary_data/daily/c.txt">c</A> <a href="a.txt">again</a> <a href="%61b.txt">encoded</a>`;
    expect(parse(html).map((file) => file.name)).toEqual(["a.txt", "b.txt", "c.txt", "ab.txt"]);
    expect(parse(html)[0]).toMatchObject({ listed: null, modified: null, size_bytes: null });
  });

  test.each([
    "../",
    "../../etc/passwd.txt",
    "%2e%2e/x.txt",
    "%2e%2e%2fx.txt",
    "..%2fx.txt",
    "..\\x.txt",
    "..%5cx.txt",
    "sub/x.txt",
    "/x.txt",
    "/data/traj_summary_data/x.txt",
    "//evil.test/data/traj_summary_data/daily/x.txt",
    "https://evil.test/x.txt",
    "http://gmn.test/data/traj_summary_data/daily/x.txt",
    "https://gmn.test:444/data/traj_summary_data/daily/x.txt",
    "https://me@gmn.test/data/traj_summary_data/daily/x.txt",
    "file:///etc/passwd.txt",
    "javascript:alert(1)",
    "?C=M;O=A",
    "x.txt?C=M",
    "x.txt#y",
    ".x.txt",
    "traj_summary_all.txt.tmp",
    "traj_summary_yearly_2024.tmp",
    "x%00.txt",
    "x%ff.txt",
    "x%0a.txt",
    `${"x".repeat(300)}.txt`,
    "",
  ])("leaves out %j", (href) => {
    expect(parse(`<a href="${href}">x</a> 23-Nov-2026 06:10 3`)).toEqual([]);
  });

  test("accepts any text, in time linear in its length", () => {
    for (
      const html of [
        "",
        "<a href=",
        "<a href='x.txt'",
        "\0".repeat(1000),
        '<a href="x.txt">'.repeat(3),
      ]
    ) {
      expect(parse(html)).toEqual([]);
    }
    const started = performance.now();
    parse("<a ".repeat(100_000));
    parse(`<a href="x.txt">`.repeat(50_000));
    parse(`<a href="x.txt">x</a>${" 1".repeat(500_000)}`);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
