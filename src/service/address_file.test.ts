/** Who may read the files, and the files that a dead service leaves behind. */
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import process from "node:process";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAddresses, type ServiceAddresses, writeAddresses } from "./address_file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "addresses-"));
});
afterEach(() => rm(folder, { recursive: true }));

const addresses = (pid: number): ServiceAddresses => ({
  pid,
  http: "http://127.0.0.1:8000",
  metrics: null,
  brokers: ["127.0.0.1:9092"],
  schemaRegistryUrl: "http://127.0.0.1:8081",
  databaseUrl: "postgres://gmn:secret@127.0.0.1:5433/gmn_data_store",
});

test("exists while its service holds it, readable by its owner only", async () => {
  const remove = await writeAddresses(folder, addresses(1));
  expect(await readAddresses(folder)).toEqual(addresses(1));
  const url = await readFile(join(folder, "database.url"), "utf8");
  expect(url).toBe("postgres://gmn:secret@127.0.0.1:5433/gmn_data_store\n");
  for (const name of ["service.json", "database.url"]) {
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  }
  await remove();
  expect(await readAddresses(folder)).toBeNull();
  await expect(stat(join(folder, "database.url"))).rejects.toThrow();
});

test("left by a killed process is ignored, even if a process with its pid lives", async () => {
  await writeFile(join(folder, "service.json"), JSON.stringify(addresses(process.pid)));
  expect(await readAddresses(folder)).toBeNull();
});

test("with invalid content is ignored", async () => {
  await writeFile(join(folder, "service.json"), "{");
  expect(await readAddresses(folder)).toBeNull();
});

test.skipIf(process.getuid?.() !== 0)(
  "of another user is an error, not ignored",
  async () => {
    const remove = await writeAddresses(folder, addresses(1));
    await chmod(folder, 0o755);
    process.seteuid?.(65_534);
    try {
      await expect(readAddresses(folder)).rejects.toMatchObject({
        message: expect.stringContaining("belongs to another user"),
        hint: expect.stringContaining("--server URL"),
      });
    } finally {
      process.seteuid?.(0);
    }
    await remove();
  },
);

test("of a second process in the folder survives the end of the first", async () => {
  const removeFirst = await writeAddresses(folder, addresses(1));
  const removeSecond = await writeAddresses(folder, addresses(2));
  await removeFirst();
  expect(await readAddresses(folder)).toEqual(addresses(2));
  await removeSecond();
  expect(await readAddresses(folder)).toBeNull();
});
