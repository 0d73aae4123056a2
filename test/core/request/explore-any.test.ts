/** Two and three requests that do anything to one session, in orders drawn at random: what holds after all of them. */

import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { Store } from "../../../src/core/contracts/store.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { explore, twoStepStore } from "../../../src/testing/explore.ts";
import { seeded } from "../../support/random.ts";
import { type Answer, request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
type Act = (session: Session<Data>, at: number) => unknown;

const acts: Record<string, Act> = {
  read: ({ data }) => data.n,
  set: ({ data }, at) => {
    data[`k${at}`] = 1;
  },
  count: (session) => session.update("n", (n) => (n as number) + 1),
  clear: (session) => session.clear(),
  regenerate: (session) => session.regenerate(),
  login: (session) => session.login("ann"),
  "login as another": (session) => session.login("bob"),
  logout: (session) => session.destroy(),
  "logout of a handler that throws": (session) => {
    session.destroy();
    throw new Error("the page failed");
  },
};
const names = Object.keys(acts);
const isLogout = (name: string): boolean => name.startsWith("logout");

/** One for all: on Node 22 each one that there is makes every promise slower. */
const ofRequest = new AsyncLocalStorage<string[]>();

interface Variant {
  readonly store: (gated: Store) => Store;
  readonly options: Omit<SessionOptions<Data>, "store">;
  readonly renews: boolean;
  /** All requests are served by one process, where saves that meet are written together. Default: each by its own. */
  readonly oneProcess?: boolean;
}

const foreign = { format: { ...jsonFormat(), foreign: true } };
const variants: Record<string, Variant> = {
  "our own format": { store: (store) => store, options: {}, renews: true },
  "our own format, in one process": { store: (store) => store, options: {}, renews: true, oneProcess: true },
  "our own format, a rename in two steps": { store: twoStepStore, options: {}, renews: true },
  "a store without an index of subjects": {
    store: (store) => {
      const { listBySubject: _, ...others } = store;
      return { ...others, capabilities: { ...store.capabilities, bySubject: false } };
    },
    options: {},
    renews: true,
  },
  "a foreign format": { store: (store) => store, options: foreign, renews: false },
  "a foreign format, in one process": { store: (store) => store, options: foreign, renews: false, oneProcess: true },
  "a foreign format, a rename in two steps": { store: twoStepStore, options: foreign, renews: false },
};

/** Runs what was chosen in orders drawn at random. */
async function together(chosen: readonly string[], variant: Variant, aged: boolean, random: () => number) {
  await explore(
    async (gate) => {
      let now = 1_800_000_000_000;
      const inner = memoryStore({ now: () => now });
      const store = variant.store(gate.store(inner));
      const served = () =>
        new Sessions<Data>({
          store,
          now: () => now,
          wait: () => Promise.resolve(),
          renewAfter: aged ? "10m" : false,
          renewGrace: "30s",
          ...variant.options,
        });
      const first = await request(served(), undefined, (session) => {
        session.data.n = 0;
        session.login("ann");
      });
      now += aged ? 11 * 60_000 : 1000;
      const shared = variant.oneProcess ? served() : undefined;
      // What happens to a request happens in its own context, also while several are saved together.
      const tell = ({ type }: { type: string }): void => void ofRequest.getStore()?.push(type);
      shared?.on(tell);
      const answers: (Answer & { events: string[]; isNew: boolean })[] = [];
      const tasks = chosen.map((name, at) => async () => {
        const sessions = shared ?? served();
        const events: string[] = [];
        let isNew = true;
        if (!shared) sessions.on(tell);
        const answer = await ofRequest.run(events, () =>
          request(sessions, first.cookie, (session) => {
            isNew = session.isNew;
            return isNew ? undefined : acts[name]?.(session, at);
          }),
        );
        answers[at] = { ...answer, events, isNew };
        if (answer.error && !name.endsWith("throws")) throw answer.error;
      });
      const check = async (): Promise<void> => {
        const live: { data: Data; meta: { subject?: string } }[] = [];
        for await (const { key, payload } of inner.list?.() ?? [])
          if (key.startsWith("session:") && !String(payload).startsWith("sojourn-renewed:"))
            live.push(JSON.parse(String(payload)));
        expect(live.length, "live records").toBeLessThanOrEqual(1);
        const [left] = live;
        const did = (name: string): number[] =>
          chosen.flatMap((one, at) => {
            const answer = answers[at];
            return one === name && answer && !answer.isNew && !answer.events.includes("save_refused") ? [at] : [];
          });
        if (chosen.some((name) => isLogout(name) && did(name).length > 0))
          expect(left, "after a logout").toBeUndefined();
        for (const [at, { setCookie, cookie }] of answers.entries()) {
          if (!setCookie || /Max-Age=0/.test(setCookie)) continue;
          const there = await request(served(), cookie, (session) => !session.isNew);
          // Somebody else's login ends all ids of before it.
          const isTakenFrom = left?.meta.subject === "bob" && chosen[at] !== "login as another";
          if (left && !isTakenFrom) expect(there.value, `the cookie of ${chosen[at]}`).toBe(true);
        }
        if (!left) return;
        if (left.meta.subject === "bob") {
          expect(left.data, "what bob has of ann").toEqual({});
          return;
        }
        const cookies = [first.cookie, ...answers.map(({ cookie }) => cookie)];
        const reached = await Promise.all(
          cookies.map(async (cookie) => (await request(served(), cookie, (session) => !session.isNew)).value),
        );
        expect(reached, "a cookie leads to it").toContain(true);
        if (chosen.includes("clear")) return;
        for (const at of did("set")) expect(left.data, "kept").toMatchObject({ [`k${at}`]: 1 });
        expect(left.data.n, "counted").toBe(did("count").length);
      };
      return { tasks, check };
    },
    { sample: 12, random },
  );
}

describe("several requests on one session at the same time", { timeout: 300_000 }, () => {
  for (const [name, variant] of Object.entries(variants)) {
    for (const aged of variant.renews ? [false, true] : [false]) {
      test(`leave one session or none, lose nothing, and answer with valid ids (${name}${aged ? ", ids due for renewal" : ""})`, async () => {
        const random = seeded(name.length * 2 + Number(aged));
        const pick = (): string => names[Math.floor(random() * names.length)] as string;
        const pairs = names.flatMap((one, at) => names.slice(at).map((two) => [one, two]));
        const triples = Array.from({ length: 120 }, () => [pick(), pick(), pick()]);
        for (const chosen of [...pairs, ...triples]) {
          await together(chosen, variant, aged, random).catch((error: unknown) => {
            throw new Error(`${chosen.join(" + ")}: ${(error as Error).message}`, { cause: error });
          });
        }
      });
    }
  }
});
