import { describeAlerts } from "./states.ts";

describeAlerts("all roles in one process");
