import { describe, expect, test } from "vitest";
import { PermanentError, TransientError } from "@gmn/failures";
import { classifyDatabaseError, databaseCodeOf, DataRefusedError } from "./database_errors.ts";

const error = (code: string, more: object = {}): Error =>
  Object.assign(new Error(`message of ${code}`), { code, ...more });

describe("an error of the database is", () => {
  test.each([
    ["08006", "connection failure"],
    ["25006", "read only: a standby"],
    ["25P03", "idle in transaction"],
    ["40001", "serialization"],
    ["40P01", "deadlock"],
    ["53100", "disk full"],
    ["53300", "too many connections"],
    ["55P03", "lock time-out"],
    ["57014", "statement time-out"],
    ["57P01", "shutdown"],
    ["57P03", "starting up"],
    ["58030", "I/O error"],
    ["CONNECTION_CLOSED", "lost"],
    ["CONNECT_TIMEOUT", "not made"],
    ["ECONNREFUSED", "nobody there"],
    ["ENOTFOUND", "no such host, for now"],
  ])("transient: %s, %s", (code) => {
    expect(classifyDatabaseError(error(code))).toBeInstanceOf(TransientError);
  });

  test.each(["22P05", "22003", "22021", "23502", "23505", "23514", "54000"])(
    "about the data: %s",
    (code) => {
      const failure = classifyDatabaseError(
        error(code, { column_name: "qc_deg", detail: "Failing row" }),
      );
      expect(failure).toBeInstanceOf(DataRefusedError);
      expect(failure).toMatchObject({ field: "qc_deg", offset: null });
      expect(failure.message).toContain("Failing row");
    },
  );

  test.each(["28P01", "3D000", "42P01", "42501", "42703", "XX001", "0A000", "25P02"])(
    "permanent, but not about the data: %s",
    (code) => {
      const failure = classifyDatabaseError(error(code));
      expect(failure).toBeInstanceOf(PermanentError);
      expect(failure).not.toBeInstanceOf(DataRefusedError);
    },
  );

  test("classified by the first address when several were tried", () => {
    const tried = new AggregateError([error("ECONNREFUSED"), error("ENETUNREACH")]);
    expect(classifyDatabaseError(tried)).toBeInstanceOf(TransientError);
    expect(databaseCodeOf(classifyDatabaseError(tried))).toBe("ECONNREFUSED");
  });

  test("unchanged when it is already a failure of ours, and permanent when it is anything else", () => {
    const failure = new TransientError("x");
    expect(classifyDatabaseError(failure)).toBe(failure);
    expect(classifyDatabaseError(new TypeError("a bug"))).toBeInstanceOf(PermanentError);
    expect(classifyDatabaseError(error("EACCES"))).toBeInstanceOf(PermanentError);
    expect(classifyDatabaseError("thrown text").message).toContain("thrown text");
  });
});
