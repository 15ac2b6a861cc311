/** Types that the browser's modules share, for the compiler only: this file is never sent to the browser. */
import type { z } from "zod";
import type { showerCountsSchema, stationCountSchema } from "../../../store/statistics.ts";
import type { meteorDetailSchema } from "../../meteor_schemas.ts";

export type { PreviewedFile } from "../../run_schemas.ts";
export type { ScheduleView, ServiceStatus } from "../../status_schemas.ts";
export type { RunDetail, RunFileView, RunView } from "../../../runs/run_schemas.ts";
export type { GridCell } from "../../../store/run_grid.ts";
export type { Selection } from "../../../runs/run_event.ts";
export type {
  GroundTrack,
  Histogram,
  MeteorTotals,
  Night as NightCount,
  Radiant,
  ShowerCount,
} from "../../../store/statistics.ts";

/** One event, as `GET /events` sends it. */
export interface ServiceEvent {
  readonly id: string;
  readonly name: string;
  readonly at: string;
  readonly level: "debug" | "info" | "warning" | "error";
  /** One plain sentence. */
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A page of a run's events, as `GET /runs/ID/history` has it. */
export interface RunHistory {
  readonly events: readonly {
    readonly offset: string;
    readonly name: string;
    readonly at: string;
    readonly level: "info" | "warning" | "error";
    readonly message: string;
  }[];
  /** Where the next page, with older events, begins; null when there is none. */
  readonly next: string | null;
}

/** What may have changed: runs, store, dead_letters, status. */
export interface Change {
  readonly topics: readonly string[];
}

/** A dead letter, as `GET /dead-letters/ID` has it. */
export interface DeadLetter {
  readonly id: string;
  readonly at: string;
  readonly stage: "read" | "fetch" | "decode" | "load";
  readonly reason: string;
  readonly field: string | null;
  readonly run_id: string | null;
  readonly source_file: string | null;
  readonly source_line: number | null;
  readonly source_generated_at: string | null;
  readonly text: string | null;
  readonly topic: string | null;
  readonly topic_partition: number | null;
  readonly topic_offset: string | null;
  readonly schema_id: number | null;
  readonly replayed_at: string | null;
  readonly columns?: readonly (string | null)[] | null;
  readonly marked?: { readonly start: number; readonly end: number } | null;
  readonly key_base64?: string | null;
  readonly value_base64?: string | null;
}

/** A place in the dashboard: the part of the address after `#`. */
export interface Route {
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

/** What `useData` returns. */
export interface Loaded<Data> {
  readonly data: Data | null;
  readonly error: Error | null;
  /** A request is in progress. */
  readonly loading: boolean;
  /** `data` is the answer to an earlier request. */
  readonly stale: boolean;
  readonly reload: () => void;
}

/** One trajectory, as `GET /meteors/ID` has it. */
export type MeteorDetail = z.infer<typeof meteorDetailSchema>;
export type MeteorField = MeteorDetail["fields"][number];

/** A trajectory in a list, as `GET /meteors` has it: the columns that the dashboard shows. */
export interface MeteorRow {
  readonly unique_trajectory_identifier: string;
  readonly beginning_utc_time: string | null;
  readonly iau_code: string | null;
  readonly vgeo_km_s: number | null;
  readonly peak_absmag: number | null;
  readonly htbeg_km: number | null;
  readonly htend_km: number | null;
  readonly duration_sec: number | null;
  readonly num_stat: number | null;
  readonly qc_deg: number | null;
  readonly updated_at: string;
}

/** `GET /statistics/showers`, most meteors first. */
export type ShowerCounts = z.infer<typeof showerCountsSchema>;

/** `GET /statistics/stations`, most meteors first. */
export type StationCounts = { readonly stations: readonly z.infer<typeof stationCountSchema>[] };
