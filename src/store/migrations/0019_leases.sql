-- Who leads renews a lease, and has an epoch by which a leader that was replaced is recognised (docs/decisions/0022-leadership.md).

-- No projection: when the holder of each lease was last alive. The lease itself is an advisory lock (src/store/advisory_lease.ts).
CREATE TABLE lease (
  name text COLLATE "C" PRIMARY KEY,
  holder text NOT NULL,
  beat bigint NOT NULL DEFAULT 1,
  renewed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  acting_at timestamptz
);
COMMENT ON TABLE lease IS 'Heartbeats of the processes that hold a lease. A holder whose heartbeat stands still is replaced.';
COMMENT ON COLUMN lease.name IS 'The lease: producer (works on the runs) or schedule (requests the daily runs).';
COMMENT ON COLUMN lease.holder IS 'The process that holds it, or held it last: host:pid.';
COMMENT ON COLUMN lease.beat IS 'Grows with each renewal, by whichever process. A standby compares it with what it has seen before.';
COMMENT ON COLUMN lease.renewed_at IS 'When it was last renewed, by the clock of this database. For people: nothing is decided by it.';
COMMENT ON COLUMN lease.acting_at IS 'The last renewal by a holder that acts on it: it has its epoch on the log. Null when none ever has.';

CREATE TABLE run_leader (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch bigint NOT NULL,
  owner text NOT NULL,
  leads_since timestamptz NOT NULL
);
COMMENT ON TABLE run_leader IS 'The process that leads according to the log: one row. Events of runs with a lower epoch change nothing.';
COMMENT ON COLUMN run_leader.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN run_leader.epoch IS 'The highest epoch in the topic ingestion_run.';
COMMENT ON COLUMN run_leader.owner IS 'The process that has this epoch, and since when: host:pid@start. Empty when the log no longer says.';
COMMENT ON COLUMN run_leader.leads_since IS 'When it began to lead.';
