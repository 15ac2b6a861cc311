/**
 * Types that the browser's modules share, for the compiler only: the browser never gets this file.
 */
import type { VNode } from "preact";

export type {
  PreviewedFile,
  RunFileView,
  RunView,
  ScheduleView,
  ServiceStatus,
} from "../../api_ports.ts";
export type { GridCell } from "../../../store/run_grid.ts";
export type { MeteorDetail } from "../../../store/meteor_detail.ts";
export type { Selection } from "../../../runs/run_event.ts";
export type { GroundTrack, Histogram, Radiant, ShowerCount } from "../../../store/statistics.ts";

/** What a component gives. */
export type View = VNode | null;

/** One line of the activity list. */
export interface Happening {
  readonly name: string;
  readonly level: "debug" | "info" | "warning" | "error";
  readonly at: string;
  readonly say: string;
  readonly run_id: string | null;
}

/** What may have changed. */
export interface Change {
  readonly topics: readonly string[];
  readonly runs: readonly string[];
}

/** A place in the dashboard: the part of the address after `#`. */
export interface Route {
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

/** What `useData` gives. */
export interface Loaded<Data> {
  readonly data: Data | null;
  readonly error: Error | null;
  /** An answer is on its way. */
  readonly loading: boolean;
  /** `data` is the answer to an earlier question. */
  readonly stale: boolean;
  readonly reload: () => void;
}

/** A field of the schema, as `/assets/…/schema.json` has it. */
export interface SchemaField {
  readonly name: string;
  readonly type: readonly unknown[];
  readonly doc: string;
}
