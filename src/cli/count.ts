/** `sojourn count`: how many sessions there are. */

import type { RecordCount, Store } from "../core/contracts/store.ts";
import { allSessions, countSessions } from "../manage.ts";
import { type Call, type Command, UsageError } from "./command.ts";
import { sessionsOf } from "./managed.ts";
import { count, jsonLine, Progress } from "./terminal.ts";
import { plural } from "./words.ts";

export const countCommand: Command = {
  name: "count",
  about: "show how many sessions there are",
  options: {
    exact: { type: "boolean", about: "count every session, however long that takes" },
  },
  async run(call) {
    const { values, json, stdout } = call;
    const counted = values["exact"] === true ? [await exactly(call)] : await quickly(call);
    if (json) stdout.write(jsonLine({ stores: counted }));
    else
      for (const { store, count, estimate } of counted)
        stdout.write(`${store}: ${estimate ? "about " : ""}${plural(count, "session")}\n`);
    return undefined;
  },
};

type Counted = RecordCount & { readonly store: string };

/** Of the application, and of stores that are exported by themselves. */
async function quickly(call: Call): Promise<Counted[]> {
  const { sessions, stores } = await call.load();
  const theirs = new Set(sessions.flatMap((one) => one.stores));
  const counts = sessions.map(async (one) => ({
    store: one.stores[0]?.name ?? "cookie",
    ...(await countSessions(one)),
  }));
  const alone = stores.filter((store) => !theirs.has(store)).map(countStore);
  return Promise.all([...counts, ...alone]);
}

async function countStore(store: Store): Promise<Counted> {
  if (!store.count) throw new UsageError(`the ${store.name} store cannot count sessions`);
  return { store: store.name, ...(await store.count()) };
}

async function exactly(call: Call): Promise<Counted> {
  const sessions = await sessionsOf(call, "count --exact");
  const progress = call.json ? undefined : new Progress(call.stderr, "count");
  let number = 0;
  try {
    for await (const _ of allSessions(sessions)) {
      number += 1;
      if (number % 1000 === 0) progress?.show(`${count(number)} sessions`);
    }
  } finally {
    progress?.end();
  }
  return { store: sessions.stores[0]?.name ?? "cookie", count: number, estimate: false };
}
