/**
 * A meteor in the API's answers, described from the Avro schema, the only place that has its names, meanings and units. Answers
 * show the content of the tables, so the meanings are those of the tables (`storedDoc`).
 */
import { z } from "@hono/zod-openapi";
import { storedDoc } from "../store/meteor_columns.ts";
import { lineageSchema } from "../store/meteor_rows.ts";
import { type FieldKind, TRAJECTORY_FIELDS } from "../trajectory/schema.ts";
import { unitOf } from "./field_units.ts";

function valueOf(kind: FieldKind): z.ZodType {
  switch (kind) {
    case "double":
    case "long":
      return z.number().nullable();
    case "boolean":
      return z.boolean().nullable();
    case "string_array":
      return z.array(z.string().nullable()).nullable();
    default:
      return z.string().nullable();
  }
}

const fields = Object.fromEntries(TRAJECTORY_FIELDS.map((field) => {
  const about = field.sigmaOf === null ? "" : ` (of ${field.sigmaOf})`;
  const unit = unitOf(field);
  return [
    field.name,
    valueOf(field.kind).openapi({
      description: `${storedDoc(field)}${about}`,
      ...(unit === null ? {} : { "x-unit": unit }),
    }),
  ];
}));

/** A meteor in lists: the schema's fields, and when it was stored and withdrawn. */
export const meteorSchema = z.object({
  ...fields,
  updated_at: z.string().openapi({ description: "When it was stored or changed here." }),
  withdrawn_at: z.string().nullable().openapi({
    description: "When the source withdrew it; null while it stands.",
  }),
}).openapi("Meteor");

/** One meteor with all its details. */
export const meteorDetailSchema = z.object({
  id: z.string(),
  shower_name: z.string().nullable(),
  fields: z.array(z.object({
    name: z.string(),
    value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string().nullable())])
      .nullable(),
    sigma: z.number().nullable().openapi({
      description: "Its uncertainty (one standard deviation), where the schema has one.",
    }),
    unit: z.string().nullable(),
    description: z.string(),
  })).openapi({ description: "All fields except the sigmas, in the schema's order." }),
  lineage: lineageSchema.extend({ topic: z.string() }).openapi({
    description: "Where the row comes from.",
  }),
}).openapi("MeteorDetail");
