/** Many parallel updates of one session, over a store that is some milliseconds away. Prints how long they take and how many are kept; see bench/README.md. */

import { setTimeout as sleep } from "node:timers/promises";
import { createSessions, type Store } from "../src/index.ts";
import { memoryStore } from "../src/stores/memory.ts";

/** Every call takes one round trip, half of it on the way there. */
function far(store: Store, roundTrip: number): Store {
  const away =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await sleep(roundTrip / 2);
      const answer = await call(...args);
      await sleep(roundTrip / 2);
      return answer;
    };
  const { read, create, update, touch, rename } = store;
  return Object.assign(Object.create(store), {
    read: away(read.bind(store)),
    create: away(create.bind(store)),
    update: away(update.bind(store)),
    touch: away(touch.bind(store)),
    rename: away(rename.bind(store)),
    delete: away(store.delete.bind(store)),
  });
}

interface Request {
  readonly cookie: string | undefined;
}
const reader = { cookie: (request: Request) => request.cookie, secure: () => true };

async function measure(requests: number, roundTrip: number): Promise<Record<string, unknown>> {
  const sessions = createSessions<{ count: number }>({ store: far(memoryStore(), roundTrip), warn: () => {} });
  const run = async (cookie: string | undefined, change: boolean): Promise<string | null> => {
    const request = { cookie };
    const exchange = sessions.open(request, reader);
    const session = await sessions.get(request);
    if (change) session.update("count", (count = 0) => count + 1);
    const headers = new Headers();
    await exchange.commit(headers);
    return headers.get("set-cookie");
  };
  const cookie = String(await run(undefined, true)).split(";")[0];
  const start = performance.now();
  const results = await Promise.allSettled(Array.from({ length: requests }, () => run(cookie, true)));
  const took = performance.now() - start;
  const request = { cookie };
  sessions.open(request, reader);
  const { count = 0 } = (await sessions.get(request)).data;
  return {
    "updates at once": requests,
    "round trip ms": roundTrip,
    "took ms": Math.round(took),
    "in round trips": Number((took / roundTrip).toFixed(1)),
    answered: results.filter(({ status }) => status === "fulfilled").length,
    kept: count - 1,
  };
}

console.log("\nOne session, many updates at once, from one process");
const rows = [];
for (const [requests, roundTrip] of [
  [500, 5],
  [500, 20],
  [60, 190],
] as const)
  rows.push(await measure(requests, roundTrip));
console.table(rows);
process.exit(0);
