/**
 * All clients that are not part of this repository's own dependencies.
 */
import { installDebianPython, installKcat } from "./debian.ts";
import { installFranz } from "./franz.ts";
import type { Installed } from "./installed.ts";
import { installJava, type JavaKafka } from "./java.ts";
import { installPython } from "./python.ts";

/** What is on this machine now. */
export interface InstalledClients {
  readonly kcat: Installed<{ kcat: string }>;
  readonly debianPython: Installed<{ python: string }>;
  readonly python: Installed<{ python: string }>;
  readonly java: Installed<JavaKafka>;
  readonly franz: Installed<{ driver: string }>;
}

/** Finds or installs them. Never throws: what can't be had says why. */
export async function installClients(): Promise<InstalledClients> {
  // apt-get can't run twice at a time, and what uses it only sometimes may do so: those go one after the other.
  const withApt = async () => {
    const kcat = await installKcat();
    const debianPython = await installDebianPython();
    const python = await installPython();
    const java = await installJava();
    return { kcat, debianPython, python, java };
  };
  const [others, franz] = await Promise.all([withApt(), installFranz()]);
  return { ...others, franz };
}
