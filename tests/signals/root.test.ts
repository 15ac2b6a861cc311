/**
 * The rows of rows.ts that concern PostgreSQL, as root, where the tests run as root: PostgreSQL then runs as another user. Signals,
 * outputs and terminals know no users: ordinary_user.test.ts has them.
 */
import { describeRows } from "./rows.ts";
import { ME } from "./project_copy.ts";

describeRows(
  ME.uid === 0 ? ME : null,
  ME.uid === 0 ? "as root" : "as root: skipped, because the tests do not run as root",
  "of PostgreSQL",
);
