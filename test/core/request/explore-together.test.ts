/** Three requests that save one session in one process, in many orders of their store calls, with a failure at each of them. */

import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { explore } from "../../../src/testing/explore.ts";
import { type Fault, faultyStore } from "../../../src/testing/faults.ts";
import { seeded } from "../../support/random.ts";
import { type Answer, request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
type Act = (session: Session<Data>, at: number) => unknown;

const acts = {
  set: ({ data }, at) => {
    data[`k${at}`] = 1;
  },
  count: (session) => session.update("n", (n) => (n as number) + 1),
  "count twice": async (session) => {
    session.update("n", (n) => (n as number) + 1);
    await session.save();
    session.update("m", (m = 0) => (m as number) + 1);
  },
  logout: (session) => session.destroy(),
  regenerate: (session) => session.regenerate(),
} satisfies Record<string, Act>;
type Name = keyof typeof acts;

interface Scene {
  readonly chosen: readonly Name[];
  readonly fault: Fault;
  /** Which of the store calls of all requests fails. */
  readonly at: number;
  /** The last request is served by another process. */
  readonly processes: 1 | 2;
}

/** How often the store was asked, in the order that asked it most. */
async function together({ chosen, fault, at, processes }: Scene, sample: number): Promise<number> {
  let most = 0;
  const random = seeded(1 + at);
  await explore(
    async (gate) => {
      const inner = memoryStore();
      let [calls, isArmed] = [0, false];
      const store = faultyStore(gate.store(inner), () => (isArmed && calls++ === at ? fault : "pass"));
      const served = Array.from(
        { length: processes },
        () => new Sessions<Data>({ store, wait: () => Promise.resolve(), warn: () => {} }),
      );
      const [sessions, others = sessions] = served as [Sessions<Data>, Sessions<Data>?];
      const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
      isArmed = true;
      const answers: (Answer & { isNew: boolean; refused: boolean })[] = [];
      const tasks = chosen.map((name, one) => async () => {
        let isNew = false;
        const answer = await request(one === 2 ? others : sessions, cookie, (session) => {
          isNew = session.isNew;
          return isNew ? undefined : acts[name](session, one);
        });
        answers[one] = { ...answer, isNew, refused: false };
      });
      const check = async (): Promise<void> => {
        isArmed = false;
        most = Math.max(most, calls);
        const cookies = [cookie, ...answers.map((answer) => answer.cookie)];
        const living = await Promise.all(
          cookies.map(async (value) =>
            value === undefined
              ? undefined
              : (
                  await request(served[0] as Sessions<Data>, value, (session) =>
                    session.isNew ? undefined : { ...session.data },
                  )
                ).value,
          ),
        );
        const data = living.find(Boolean);
        const out = chosen.findIndex((name, one) => name === "logout" && !answers[one]?.isNew);
        for (const { error } of answers) if (error) expect(error).toMatchObject({ status: 503 });
        if (out >= 0) {
          if (!answers[out]?.error) expect(data, "after a logout").toBeUndefined();
          return;
        }
        expect(data, "the session").toBeDefined();
        const counters = (test: (answer: Answer) => boolean): number =>
          chosen.filter((name, one) => {
            const answer = answers[one];
            return name.startsWith("count") && answer && !answer.isNew && test(answer);
          }).length;
        const answered = counters(({ error }) => !error);
        // A failed write may have taken effect when only its answer was lost; never, when the store did not hear of it.
        const doubtful = counters(({ error }) => error !== undefined);
        expect(data?.n, "counted at least").toBeGreaterThanOrEqual(answered);
        expect(data?.n, "counted at most").toBeLessThanOrEqual(answered + doubtful);
        for (const [one, name] of chosen.entries()) {
          const answer = answers[one];
          if (name === "set" && !answer?.error && !answer?.isNew)
            expect(data, "kept").toMatchObject({ [`k${one}`]: 1 });
          if (name === "set" && answer?.error && fault === "throw-before")
            expect(data, "not kept").not.toHaveProperty(`k${one}`);
        }
      };
      return { tasks, check };
    },
    { sample, random },
  );
  return most;
}

const triples: readonly (readonly Name[])[] = [
  ["count", "count", "count"],
  ["set", "set", "set"],
  ["set", "count", "count twice"],
  ["count twice", "count twice", "count twice"],
  ["count", "logout", "count"],
  ["set", "count", "logout"],
  ["count", "regenerate", "set"],
  ["count", "count", "regenerate"],
];

describe("three requests that save one session", { timeout: 300_000 }, () => {
  for (const processes of [1, 2] as const) {
    for (const chosen of triples) {
      test(`${chosen.join(", ")}, in ${processes === 1 ? "one process" : "two processes"}: exactly what was answered is kept, whichever call fails`, async () => {
        const calls = await together({ chosen, fault: "pass", at: -1, processes }, 150);
        for (const fault of ["throw-before", "throw-after"] as const)
          for (let at = 0; at < calls; at++) await together({ chosen, fault, at, processes }, 15);
      });
    }
  }
});
