import { readFileSync } from "node:fs";
import avro from "avsc";
import { describe, expect, test } from "vitest";
import { PermanentError } from "@gmn/failures";
import {
  fieldsOf,
  TRAJECTORY_FIELDS,
  TRAJECTORY_SCHEMA,
  TRAJECTORY_SCHEMA_TEXT,
  type TrajectoryFieldName,
} from "./schema.ts";
import { TRAJECTORY_TYPE } from "./record.ts";

// The compiler rejects a missing or additional name here; the test compares the names with the schema.
const OF_THE_INTERFACE: Record<TrajectoryFieldName, true> = {
  unique_trajectory_identifier: true,
  beginning_julian_date: true,
  beginning_utc_time: true,
  iau_no: true,
  iau_code: true,
  sol_lon_deg: true,
  app_lst_deg: true,
  rageo_deg: true,
  sigma: true,
  decgeo_deg: true,
  sigma_1: true,
  lamgeo_deg: true,
  sigma_2: true,
  betgeo_deg: true,
  sigma_3: true,
  vgeo_km_s: true,
  sigma_4: true,
  lamhel_deg: true,
  sigma_5: true,
  bethel_deg: true,
  sigma_6: true,
  vhel_km_s: true,
  sigma_7: true,
  a_au: true,
  sigma_8: true,
  e: true,
  sigma_9: true,
  i_deg: true,
  sigma_10: true,
  peri_deg: true,
  sigma_11: true,
  node_deg: true,
  sigma_12: true,
  pi_deg: true,
  sigma_13: true,
  b_deg: true,
  sigma_14: true,
  q_au: true,
  sigma_15: true,
  f_deg: true,
  sigma_16: true,
  m_deg: true,
  sigma_17: true,
  q_au_: true,
  sigma_18: true,
  n_deg_day: true,
  sigma_19: true,
  t_years: true,
  sigma_20: true,
  tisserandj: true,
  sigma_21: true,
  raapp_deg: true,
  sigma_22: true,
  decapp_deg: true,
  sigma_23: true,
  azim_e_of_n_deg: true,
  sigma_24: true,
  elev_deg: true,
  sigma_25: true,
  vinit_km_s: true,
  sigma_26: true,
  vavg_km_s: true,
  sigma_27: true,
  latbeg_n_deg: true,
  sigma_28: true,
  lonbeg_e_deg: true,
  sigma_29: true,
  htbeg_km: true,
  sigma_30: true,
  latend_n_deg: true,
  sigma_31: true,
  lonend_e_deg: true,
  sigma_32: true,
  htend_km: true,
  sigma_33: true,
  duration_sec: true,
  peak_absmag: true,
  peak_ht_km: true,
  f_param: true,
  mass_kg_tau_0_7: true,
  qc_deg: true,
  medianfiterr_arcsec: true,
  beg_in_fov: true,
  end_in_fov: true,
  num_stat: true,
  participating_stations: true,
  schema_version: true,
};

describe("the trajectory schema", () => {
  test("has the fields of the interface, in its order", () => {
    expect(TRAJECTORY_FIELDS.map((field) => field.name)).toEqual(Object.keys(OF_THE_INTERFACE));
  });

  test("gives every field its kind, and a meaning with a unit", () => {
    const kinds = Object.fromEntries(TRAJECTORY_FIELDS.map((field) => [field.name, field.kind]));
    expect(kinds.beginning_utc_time).toBe("timestamp_micros");
    expect(kinds.iau_no).toBe("long");
    expect(kinds.iau_code).toBe("string");
    expect(kinds.participating_stations).toBe("string_array");
    expect(kinds.beg_in_fov).toBe("boolean");
    expect(TRAJECTORY_FIELDS.filter((field) => field.kind === "double")).toHaveLength(78);
    for (const { name, kind, doc } of TRAJECTORY_FIELDS) {
      expect(doc.length, name).toBeGreaterThan(30);
      if (kind === "double") {
        expect(doc, name).toMatch(
          /in (degrees|km|days|seconds|astronomical units|years|arc seconds|kg)|no unit|magnitude/,
        );
      }
    }
  });

  test("says which field each sigma belongs to, also in its doc", () => {
    const sigmas = TRAJECTORY_FIELDS.filter((field) => field.sigmaOf !== null);
    expect(sigmas.map((field) => field.name)).toEqual(
      ["sigma", ...Array.from({ length: 33 }, (_, i) => `sigma_${i + 1}`)],
    );
    for (const { name, sigmaOf, doc } of sigmas) expect(doc, name).toContain(` ${sigmaOf} (`);
    const of = Object.fromEntries(sigmas.map((field) => [field.name, field.sigmaOf]));
    expect(of).toMatchObject({
      sigma: "rageo_deg",
      sigma_15: "q_au",
      sigma_18: "q_au_",
      sigma_33: "htend_km",
    });
  });

  test("is registered without the white space of the file", () => {
    expect(JSON.parse(TRAJECTORY_SCHEMA_TEXT)).toEqual(TRAJECTORY_SCHEMA);
    expect(TRAJECTORY_SCHEMA_TEXT).not.toContain("\n");
  });

  test("refuses a field of a type that can't be stored, by name", () => {
    const bad = {
      ...TRAJECTORY_SCHEMA,
      fields: [{ name: "colour", type: ["null", "bytes"], default: null, doc: "" }],
    };
    expect(() => fieldsOf(bad)).toThrow(PermanentError);
    expect(() => fieldsOf(bad)).toThrow(/colour/);
  });
});

const REFERENCE = new URL(
  "../../../shared/data/trajectory_summary_raw-value.reference.avsc",
  import.meta.url,
);
function reference(): string | null {
  try {
    return readFileSync(REFERENCE, "utf8");
  } catch {
    return null;
  }
}

describe.skipIf(reference() === null)(
  "the reference schema (skipped where it is unavailable)",
  () => {
    const parsed = JSON.parse(reference() ?? "null");

    test("has the same name, fields, order and types", () => {
      expect(TRAJECTORY_SCHEMA.name).toBe(parsed.name);
      expect(TRAJECTORY_SCHEMA).not.toHaveProperty("namespace");
      expect(TRAJECTORY_SCHEMA.fields.map(({ name, type }) => ({ name, type })))
        .toEqual(parsed.fields);
    });

    test("has the same canonical form, and each can read the other's records", () => {
      const type = avro.Type.forSchema(parsed, { wrapUnions: "never" });
      expect(TRAJECTORY_TYPE.fingerprint().toString("hex"))
        .toBe(type.fingerprint().toString("hex"));
      TRAJECTORY_TYPE.createResolver(type);
      type.createResolver(TRAJECTORY_TYPE);
    });
  },
);
