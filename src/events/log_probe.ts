/** Asks the log for its watermarks, for `/status`, `/readyz` and lag. Uses one connection, opened when first needed. */
import type { Admin, Kafka } from "kafkajs";
import { explain, TransientError, withTimeout } from "@gmn/failures";
import { askWatermarks, type Watermarks } from "./start_position.ts";

/** Someone is waiting for the answer in a browser; a broker that takes longer counts as unavailable. */
const PROBE_TIMEOUT_MS = 3_000;

export interface LogProbe {
  /** Watermarks of all partitions of the topics, by topic and partition. @throws TransientError when the log is unavailable */
  watermarks(
    topics: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<number, Watermarks>>>;
  close(): Promise<void>;
}

export function createLogProbe(kafka: Kafka): LogProbe {
  let connecting: Promise<Admin> | null = null;

  /** A connection is not reused after a failure: the next request opens a new one. */
  async function ask<Answer>(question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    connecting ??= (async () => {
      const admin = kafka.admin({ retry: { retries: 0 } });
      await admin.connect();
      return admin;
    })();
    const mine = connecting;
    const late = () => new Error(`no answer within ${PROBE_TIMEOUT_MS} ms`);
    try {
      return await withTimeout(mine.then(question), PROBE_TIMEOUT_MS, late);
    } catch (error) {
      if (connecting === mine) connecting = null;
      void mine.then((admin) => admin.disconnect()).catch(() => {});
      throw new TransientError(explain(error), { cause: error });
    }
  }

  return {
    watermarks: (topics) =>
      ask(async (admin) => {
        const watermarks = topics.map(async (topic) =>
          [topic, await askWatermarks(admin, topic)] as const
        );
        return new Map(await Promise.all(watermarks));
      }),
    async close() {
      const admin = await connecting?.catch(() => null);
      await admin?.disconnect();
    },
  };
}
