/** A rebuild of a test's database, with the defaults of `deno task rebuild`. */
import type { Rebuilt } from "../../src/recovery/rebuild_report.ts";
import { rebuildDatabase, type RebuildRequest } from "../../src/service/rebuild.ts";
import type { TestService } from "./service.ts";

/** A rebuild on a machine that does other things as well. */
const REBUILD_MS = 120_000;

/** Rebuilds; `request` overrides the defaults: all topics, no loss accepted, the tables replaced. */
export function rebuildOf(
  { config, observer }: Pick<TestService, "config" | "observer">,
  request: Partial<RebuildRequest> = {},
): Promise<Rebuilt> {
  return rebuildDatabase(config, observer, {
    isLossAccepted: false,
    isOnlyVerified: false,
    signal: AbortSignal.timeout(REBUILD_MS),
    onProgress: () => {},
    ...request,
  });
}
