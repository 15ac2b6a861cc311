/**
 * The Worker in which the embedded broker runs, so that neither its fsyncs hold up its owner, nor its owner's work the broker's
 * heartbeats. `broker_worker.ts` starts it, and hears of every error that nobody here catches.
 */
import { serveOwner } from "./serve_owner.ts";

serveOwner();
