/**
 * The rows of rows.ts as an ordinary user: `nobody`, where the tests run as root, and otherwise whoever runs them.
 */
import { describeRows } from "./rows.ts";
import { ME, NOBODY } from "./project_copy.ts";

describeRows(ME.uid === 0 ? NOBODY : ME, "as an ordinary user", "all");
