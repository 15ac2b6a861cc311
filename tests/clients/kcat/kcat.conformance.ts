/** kcat: librdkafka from a shell. */
import { inject } from "vitest";
import { describeConformance } from "../conformance.ts";
import { openKcat } from "./kcat_client.ts";

describeConformance(inject("installedClients").kcat, ({ kcat }) => openKcat(kcat));
