import { expect, test } from "vitest";
import { TRAJECTORY_FIELDS } from "../../../../trajectory/schema.ts";
import { FIELD_GROUPS } from "./field_names.js";

test("every field of the schema except the uncertainties has a name and a group, once", () => {
  const named = FIELD_GROUPS.flatMap(({ fields }) => fields.map(([field]) => field));
  expect(named.toSorted()).toEqual(
    TRAJECTORY_FIELDS.filter(({ sigmaOf }) => sigmaOf === null).map(({ name }) => name).toSorted(),
  );
});
