/** kafkajs, the service's own client, as it is published. */
import { describeConformance } from "../conformance.ts";
import { openKafkajs } from "./kafkajs_client.ts";

describeConformance({ label: "kafkajs 2.2.4" }, () => openKafkajs);
