/**
 * The supervisor of a PostgreSQL server: stops it when the service was killed (../processes/supervisor.ts says how).
 *
 * The next start may follow at once, while the supervisor of the killed process is still stopping the server, and would then stop
 * the new or adopted one. So each supervisor is recorded in the cluster, with a token of the process that it belongs to, and a
 * start waits for the supervisors of other processes.
 */
import { randomUUID } from "node:crypto";
import { chown, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { wait } from "@gmn/failures";
import { isAlive, lookAt } from "../processes/look.ts";
import { SUPERVISED_END_MS, Supervisor } from "../processes/supervisor.ts";
import { program } from "./binaries.ts";
import type { Place } from "./place.ts";

/** Its name in `ps`. */
const NAME = "gmn-postgres-supervisor";
/** `gmn_supervisor.<pid>` in the cluster; PostgreSQL ignores files it does not know. */
const NOTE_PREFIX = "gmn_supervisor.";
/** Distinguishes this process's supervisors from those of others, also when a process id is reused. */
const OWNER_TOKEN = randomUUID();
const LOOK_INTERVAL_MS = 50;

/**
 * Stops the server: `$1` is pg_ctl, `$2` the cluster. A fast stop writes a checkpoint. If it takes more than five seconds,
 * an immediate stop follows, and the next start recovers. A killed service may have left a `pg_ctl start` behind whose server does
 * not run yet (pg_ctl's exit code 3); the script waits for that server.
 */
const STOP_SERVER = `trap 'rm -f "$2/${NOTE_PREFIX}$$"' EXIT
for attempt in 1 2 3; do
  "$1" stop -D "$2" -m fast -w -t 5 && exit 0
  "$1" status -D "$2"
  if [ $? = 3 ]; then sleep 1; continue; fi
  "$1" stop -D "$2" -m immediate -w -t 2 && exit 0
  exit 1
done
`;

const noteOf = (place: Place, pid: number): string => join(place.cluster, `${NOTE_PREFIX}${pid}`);

/** Starts the supervisor of the server on this cluster, whether or not the server runs yet. */
export function superviseServer(place: Place): Promise<Supervisor> {
  return Supervisor.start({
    name: NAME,
    script: STOP_SERVER,
    args: [program(place.binaries, "pg_ctl"), place.cluster],
    runAs: place.runAs,
    async onStart(pid) {
      const note = noteOf(place, pid);
      await writeFile(note, OWNER_TOKEN, { mode: 0o600 });
      if (place.runAs !== null) await chown(note, place.runAs.uid, place.runAs.gid);
    },
    onEnd: (pid) => rm(noteOf(place, pid), { force: true }),
  });
}

/**
 * Waits until no other process's supervisor works on this cluster, at most `SUPERVISED_END_MS`; `isOver` ends the wait.
 * @returns whether there was one
 */
export async function othersSupervisorsGone(
  place: Place,
  isOver: () => Promise<boolean>,
): Promise<boolean> {
  const deadline = performance.now() + SUPERVISED_END_MS;
  let wasThere = false;
  for (const name of await readdir(place.cluster).catch(() => [])) {
    if (!name.startsWith(NOTE_PREFIX)) continue;
    const note = join(place.cluster, name);
    if (await readFile(note, "utf8").catch(() => OWNER_TOKEN) === OWNER_TOKEN) continue;
    const pid = Number(name.slice(NOTE_PREFIX.length));
    while (await isSupervisor(pid, place)) {
      wasThere = true;
      if (performance.now() > deadline || await isOver()) return wasThere;
      await wait(LOOK_INTERVAL_MS);
    }
    await rm(note, { force: true });
  }
  return wasThere;
}

/** The process id may belong to another process by now. */
async function isSupervisor(pid: number, place: Place): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return false;
  const seen = await lookAt(pid);
  return seen !== null && seen.command.includes(NAME) && seen.command.includes(place.cluster);
}
