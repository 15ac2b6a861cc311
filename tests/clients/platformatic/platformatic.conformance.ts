/** @platformatic/kafka, a younger client in TypeScript; its Node is too new for most machines, so it runs in Deno, here. */
import { describeConformance } from "../conformance.ts";
import { openPlatformatic } from "./platformatic_client.ts";

describeConformance({ label: "@platformatic/kafka 2.12.1" }, () => openPlatformatic);
