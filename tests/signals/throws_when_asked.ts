/**
 * Loaded before the service by the task `start:uncaught` of a project copy: SIGUSR2 throws where nothing catches, SIGALRM rejects
 * a promise that nobody waits for.
 */
import process from "node:process";

process.on("SIGUSR2", () => {
  setTimeout(() => {
    throw new Error("thrown on request");
  }, 0);
});
process.on("SIGALRM", () => void Promise.reject(new Error("rejected on request")));
