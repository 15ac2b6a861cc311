/** The types of what the global set-up provides to the workers. */
import "vitest";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where a worker asks for the PostgreSQL of this run. */
    postgresLauncher: string;
  }
}
