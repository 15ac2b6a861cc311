/**
 * The Worker of a broker for tests: the real broker, controlled by commands from tests (`control.ts`).
 */
import { serveOwner } from "../../serve_owner.ts";
import type { TestNews, TestOrder } from "./control.ts";
import { Faults } from "./faults.ts";

const say = (news: TestNews): void =>
  (globalThis as unknown as { postMessage(message: TestNews): void }).postMessage(news);

const faults = new Faults((id, left) => say({ kind: "fault injected", id, left }));

serveOwner<TestOrder>({
  intercept: faults.intercept,
  onOther(order, broker) {
    if (order.kind === "crash") {
      setTimeout(() => {
        throw new Error("crashed by order");
      });
      return;
    }
    if (broker === undefined) return;
    if (order.kind === "add fault") faults.add(order.id, order.spec);
    if (order.kind === "remove fault") faults.remove(order.id);
    if (order.kind === "disconnect all") broker.disconnectAll();
    say({ kind: "done", call: order.call, stats: broker.stats() });
  },
});
