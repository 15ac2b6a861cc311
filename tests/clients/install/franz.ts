/**
 * The franz-go driver, built from `franz/` with the versions of its go.mod and go.sum.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { lastLine, runCommand } from "./command.ts";
import { cached, type Installed } from "./installed.ts";

const SOURCE = new URL("../franz/", import.meta.url).pathname;
const FILES = ["main.go", "go.mod", "go.sum"];

/** The built driver. Go itself is not installed: a distribution's is mostly older than franz-go asks for. */
export async function installFranz(): Promise<Installed<{ driver: string }>> {
  const contents = await Promise.all(FILES.map((name) => readFile(join(SOURCE, name), "utf8")));
  const version = /franz-go v(\S+)/.exec(contents[1]!)?.[1];
  const label = `franz-go ${version}`;
  try {
    const hash = createHash("sha256").update(contents.join("\0")).digest("hex").slice(0, 12);
    const directory = await cached(`franz-driver-${hash}`, async (target) => {
      const arguments_ = ["build", "-mod=readonly", "-buildvcs=false", "-o", target, "."];
      const { ok, output } = await runCommand("go", arguments_, { cwd: SOURCE });
      if (!ok) throw new Error(`go build: ${lastLine(output)}`);
    });
    return { label, driver: join(directory, "franz") };
  } catch (error) {
    return { label, missing: lastLine(String(error)) };
  }
}
