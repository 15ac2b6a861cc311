/** Canaries of property tests: a fault put in on purpose, which the property must see. */
import fc from "fast-check";
import { expect } from "vitest";

/** Always the same: a canary that depends on chance fails once in a hundred times, and then says nothing. */
const SEEDS = Array.from({ length: 10 }, (_, i) => i + 1);

/** How much sooner than in its last run a property must see the fault, so that hardly any seed misses it (one in e^10). */
const MARGIN = 10;

/**
 * Expects the property to fail with each of ten seeds, within a tenth of `numRuns`, the runs of the test without the fault.
 */
export function expectSeen<Ts>(property: fc.IProperty<Ts>, { numRuns = 100 } = {}): void {
  for (const seed of SEEDS) {
    const result = fc.check(property, { numRuns: numRuns / MARGIN, seed, endOnFailure: true });
    expect(result.failed, `seen in ${numRuns / MARGIN} runs of seed ${seed}`).toBe(true);
  }
}
