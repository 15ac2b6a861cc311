/** Addresses of logs as they are typed. */
import { describe, expect, test } from "vitest";
import { PermanentError } from "@gmn/failures";
import { logAddressText, parseLogAddress } from "./log_address.ts";

const parse = (text: string) => parseLogAddress(text, (path) => `/home/${path}`);

describe("an address of a log", () => {
  test.each([
    ["embedded:data", { kind: "embedded", directory: "/home/data" }],
    ["redpanda:data", { kind: "redpanda", directory: "/home/data" }],
    ["docker:a:b", { kind: "docker", directory: "/home/a:b" }],
    [
      "kafka://a.example:9092,b.example:9093?registry=https://registry.example/",
      {
        kind: "kafka",
        brokers: ["a.example:9092", "b.example:9093"],
        schemaRegistryUrl: "https://registry.example",
      },
    ],
    [
      "kafka://127.0.0.1:9092/?registry=http%3A%2F%2F127.0.0.1%3A8081",
      { kind: "kafka", brokers: ["127.0.0.1:9092"], schemaRegistryUrl: "http://127.0.0.1:8081" },
    ],
  ])("%s", (text, address) => {
    expect(parse(text)).toEqual(address);
  });

  test.each([
    ["data", /"data" is no address of a log/],
    ["", /is no address/],
    ["embedded:", /embedded: names no folder/],
    ["rabbit:data", /is no address/],
    ["kafka://a.example?registry=http://r", /"a.example" in kafka:\/\/a.example is not HOST:PORT/],
    ["kafka://a.example:9092", /names no schema registry/],
    ["kafka://a.example:9092?registry=registry:8081", /names no schema registry/],
    ["kafka://gmn:secret@a.example:9092?registry=http://r", /no user and no password/],
    ["kafka://a.example:9092?registry=http://gmn:secret@r", /no user and no password/],
  ])("%s is refused", (text, says) => {
    const error = (() => {
      try {
        return parse(text);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(PermanentError);
    expect((error as PermanentError).message).toMatch(says);
    expect(String(error)).not.toContain("secret");
  });

  test("in words", () => {
    expect(logAddressText(parse("embedded:data"))).toBe("the embedded log of /home/data");
    expect(logAddressText(parse("kafka://a:1,b:2?registry=http://r"))).toBe("Kafka at a:1,b:2");
  });
});
