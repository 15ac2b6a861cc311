-- What operators set at run time. No projection of the log: a rebuild leaves it alone (docs/decisions/0007-what-a-run-takes.md).

CREATE TABLE schedule_pause (
  name text PRIMARY KEY,
  paused_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE schedule_pause IS 'Schedules that are paused until somebody resumes them; no row: not paused.';
COMMENT ON COLUMN schedule_pause.name IS 'daily: the schedule of the daily extraction.';
