/**
 * Starts, supervises and stops the programs that run beside this process: PostgreSQL and Redpanda.
 */
export type { PostgresEvent } from "./postgres/events.ts";
export type { Connect, Session } from "./postgres/owner.ts";
export { type PostgresOptions, type RunningPostgres, startPostgres } from "./postgres/start.ts";
export { freePort } from "./processes/free_port.ts";
export { type Ancestor, ancestorsOf, isAlive } from "./processes/look.ts";
export { SUPERVISED_END_MS } from "./processes/supervisor.ts";
export { redpandaArguments } from "./redpanda/command_line.ts";
export { type DockerOptions, startRedpandaInDocker } from "./redpanda/docker.ts";
export { askDockerEngine } from "./redpanda/docker_engine.ts";
export { findRedpanda, PACKAGED_PATH, type RedpandaProgram } from "./redpanda/find_program.ts";
export type { ProveLog } from "./redpanda/ready.ts";
export type { RedpandaEvent, RunningRedpanda } from "./redpanda/running.ts";
export { type RedpandaOptions, startRedpanda } from "./redpanda/start.ts";
