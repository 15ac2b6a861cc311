/**
 * The Worker in which the embedded broker runs, so that its fsyncs do not block its owner and the owner's work does not delay the
 * broker's heartbeats. `broker_worker.ts` starts it and receives every uncaught error.
 */
import { serveOwner } from "./serve_owner.ts";

serveOwner();
