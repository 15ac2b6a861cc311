/**
 * A network namespace of Linux for a process under test, whose packets can be dropped: the process then sees no refusal and no end, only
 * silence.
 *
 *     process ─ 127.0.0.1:port ─(nft: to 10.213.n.1)─ veth ─┆─ veth ─ 10.213.n.1:port ─ proxy of the test ─ 127.0.0.1:port
 *                                                   drop ▲
 */
import { spawnSync } from "node:child_process";
import { connect, createServer, type Server, type Socket } from "node:net";
import process from "node:process";

export interface NetworkNamespace extends AsyncDisposable {
  /** The command that a program is started with to be in it. */
  readonly within: readonly string[];
  /** Drops all packets from and to outside. */
  cut(): void;
  heal(): void;
}

function run(command: string, input?: string): void {
  const [program, ...args] = command.split(" ");
  const { status, stderr, error } = spawnSync(program!, args, { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr}`);
}

/** Why there are no namespaces here; null when there are. */
export function noNamespacesBecause(): string | null {
  const name = `gmnt${process.pid}`;
  try {
    run(`ip netns add ${name}`);
  } catch (error) {
    return (error as Error).message;
  }
  try {
    run(`ip netns exec ${name} nft list ruleset`);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    run(`ip netns del ${name}`);
  }
}

/** A namespace in which these ports of 127.0.0.1 are those of the machine. */
export async function createNetworkNamespace(ports: readonly number[]): Promise<NetworkNamespace> {
  const name = `gmn${process.pid}`;
  const [inside, outside] = [`gmni${process.pid}`, `gmno${process.pid}`];
  const network = `10.213.${process.pid % 256}`;
  const within = ["ip", "netns", "exec", name];
  const nft = (rules: string) => run(`${within.join(" ")} nft -f -`, rules);
  const stack = new AsyncDisposableStack();
  try {
    run(`ip netns add ${name}`);
    stack.defer(() => run(`ip netns del ${name}`));
    run(`ip link add ${outside} type veth peer name ${inside} netns ${name}`);
    run(`ip addr add ${network}.1/30 dev ${outside}`);
    run(`ip link set ${outside} up`);
    run(`ip -n ${name} addr add ${network}.2/30 dev ${inside}`);
    run(`ip -n ${name} link set ${inside} up`);
    run(`ip -n ${name} link set lo up`);
    run(`${within.join(" ")} sysctl -qw net.ipv4.conf.all.route_localnet=1`);
    nft(`table ip gmn {
      chain output {
        type nat hook output priority -100;
        ip daddr 127.0.0.1 tcp dport { ${ports.join(", ")} } dnat to ${network}.1;
      }
      chain postrouting { type nat hook postrouting priority 100; ip daddr ${network}.1 masquerade; }
    }`);
    for (const port of ports) stack.use(await forward(`${network}.1`, port));
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
  return {
    within,
    cut: () =>
      nft(`table ip cut {
        chain input { type filter hook input priority 0; ip saddr ${network}.1 drop; }
        chain output { type filter hook output priority 0; ip daddr ${network}.1 drop; }
      }`),
    heal: () => nft("delete table ip cut"),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Passes connections to this address on to the same port of 127.0.0.1. */
async function forward(host: string, port: number): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
