import { describeAlerts } from "./states.ts";

describeAlerts("a process for each role");
