/** What the global set-up hands to the workers, as far as the types are concerned. */
import "vitest";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where a worker asks for the PostgreSQL of this run. */
    postgresLauncher: string;
  }
}
