/**
 * Which shower list is in use, for `/status`. Every process reads that from the data store. Why there is no newer list is known only
 * to the process that fetches it.
 */
import { explain } from "../failures/failures.ts";
import type { ShowerListView } from "../http/api_ports.ts";
import { readListInUse } from "../store/iau_showers.ts";
import type { RunningParts } from "./api_ports.ts";

/** The shower list in use; without the database nobody knows which it is. */
export async function showerListOf(
  { store, producer, iauShowerUrl }: Pick<RunningParts, "store" | "producer" | "iauShowerUrl">,
): Promise<ShowerListView> {
  const unknown: Omit<ShowerListView, "note"> = {
    in_use: null,
    source: null,
    state_of: null,
    fetched_at: null,
    showers: 0,
    address: iauShowerUrl,
  };
  try {
    const list = await readListInUse(store.sql);
    const problem = producer?.showers.problem ?? null;
    if (list === null) return { ...unknown, note: problem ?? "no list is loaded yet" };
    return {
      in_use: list.kind,
      source: list.source,
      state_of: list.edition,
      fetched_at: list.fetchedAt?.toISOString() ?? null,
      showers: list.showers,
      address: iauShowerUrl,
      note: problem === null ? null : `could not be fetched: ${problem}`,
    };
  } catch (error) {
    return { ...unknown, note: explain(error) };
  }
}
