/**
 * Writes the node's configuration from templates, `redpanda.yaml` and `bootstrap.yaml`:
 *
 *     DATA_DIR/redpanda/conf/redpanda.yaml     rewritten at every start (ports may change)
 *     DATA_DIR/redpanda/conf/.bootstrap.yaml   cluster properties, which Redpanda reads on its first start only
 *     DATA_DIR/redpanda/data/                  Redpanda's own; a subdirectory, because a volume's root has a lost+found
 */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Ports of the four listeners, all on 127.0.0.1. */
export interface RedpandaPorts {
  readonly kafka: number;
  readonly schemaRegistry: number;
  readonly admin: number;
  /** Internal traffic between nodes; a single node listens here, too. */
  readonly rpc: number;
}

/** Path of the node's configuration under `directory`. On a command line this path distinguishes one node from another. */
export function configurationPath(directory: string): string {
  return join(directory, "conf", "redpanda.yaml");
}

/**
 * Writes both files under `directory` and returns the path of redpanda.yaml.
 * @param templates the folder of the templates; `${NAME}` in redpanda.yaml stands for a port or the data directory
 * @param directory `DATA_DIR/redpanda`, created when missing
 */
export async function writeConfiguration(
  templates: string,
  directory: string,
  ports: RedpandaPorts,
): Promise<string> {
  const file = configurationPath(directory);
  const folder = dirname(file);
  const dataDirectory = join(directory, "data");
  await mkdir(folder, { recursive: true });
  await mkdir(dataDirectory, { recursive: true });
  const template = await readFile(join(templates, "redpanda.yaml"), "utf8");
  await writeFile(
    file,
    fillIn(template, {
      // A JSON string is a YAML string, whatever characters the path has.
      DATA_DIRECTORY: JSON.stringify(dataDirectory),
      RPC_PORT: String(ports.rpc),
      KAFKA_PORT: String(ports.kafka),
      ADMIN_PORT: String(ports.admin),
      SCHEMA_REGISTRY_PORT: String(ports.schemaRegistry),
    }),
  );
  await copyFile(join(templates, "bootstrap.yaml"), join(folder, ".bootstrap.yaml"));
  return file;
}

/** Replaces `${NAME}` outside of comments. @throws Error when the template has a name that is not in `values` */
function fillIn(template: string, values: Readonly<Record<string, string>>): string {
  const fillLine = (line: string) =>
    line.trimStart().startsWith("#") ? line : line.replaceAll(/\$\{([A-Z_]+)\}/g, (_, name) => {
      const value = values[name];
      if (value === undefined) throw new Error(`redpanda.yaml: no value for ${name}`);
      return value;
    });
  return template.split("\n").map(fillLine).join("\n");
}
