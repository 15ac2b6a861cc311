/**
 * The images that compose.yaml pins: tests run the same.
 */
import { readFileSync } from "node:fs";
import { parse } from "@std/yaml/parse.js";

/** The image of a service. @throws Error when compose.yaml has no such service */
export function imageOf(service: string): string {
  const text = readFileSync(new URL("../../compose.yaml", import.meta.url), "utf8");
  const { services } = parse(text) as { services: Record<string, { image: string }> };
  const image = services[service]?.image;
  if (image === undefined) throw new Error(`compose.yaml has no service ${service}`);
  return image;
}
