/** What the suite's set-up hands to the workers, as far as the types are concerned. */
import "vitest";
import type { InstalledClients } from "./install/install_all.ts";

/** The broker under test. */
export interface BrokerUnderTest {
  /** What it is, for the names of tests. */
  readonly name: "the embedded broker" | "Apache Kafka";
  /** `host:port`. */
  readonly address: string;
  readonly schemaRegistryUrl: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    brokerUnderTest: BrokerUnderTest;
    installedClients: InstalledClients;
  }
}
