/** Promises 1 and 2 on Flask's records, in every order of the store calls of requests here and one of Flask. */

import { describe, expect, test } from "vitest";
import type { Format } from "../../src/core/contracts/format.ts";
import type { Session } from "../../src/core/contracts/session.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { flaskFormat, flaskSession, pickleFormat, taggedJsonFormat } from "../../src/flask.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { explore } from "../../src/testing/explore.ts";
import { type Answer, request } from "../support/requests.ts";

const now = (): number => 1_800_000_000_000;
const id = "A".repeat(43);
const key = `session:${id}`;
const expiresAt = now() + 1_000_000;
const subjectKey = "_user_id";
const formats = [
  ["msgpack", flaskFormat({ subjectKey })],
  ["JSON", flaskFormat({ format: "json", subjectKey })],
  ["pickle", pickleFormat({ subjectKey })],
  ["TaggedJSON", taggedJsonFormat({ subjectKey })],
] as const;

type Data = Record<string, unknown>;

/** Explores requests of one session, beside one of Flask that sets `flask` in it, or ends it, in one step. */
async function beside(
  format: Format,
  flask: "writes" | "ends",
  handlers: readonly ((session: Session) => unknown)[],
  check: (data: Data | undefined, answers: readonly Answer[], records: number) => void,
): Promise<void> {
  const result = await explore(async (gate) => {
    const inner = memoryStore({ now });
    await inner.create(key, { payload: format.encode({ data: { n: 0, f: 0.5, flask: false }, meta: {} }), expiresAt });
    const store = gate.store(inner);
    const answers: Answer[] = [];
    const requests = handlers.map((handler, at) => async () => {
      const sessions = new Sessions({ ...flaskSession(), format, store, now, wait: async () => {} });
      answers[at] = await request(sessions, `session=${id}`, (session) => (session.isNew ? "gone" : handler(session)));
    });
    return {
      tasks: [
        ...requests,
        async () => {
          // Waits for its turn; then reads and writes before anybody else does.
          await store.read(key);
          const record = await inner.read(key);
          await inner.delete(key);
          if (flask === "ends" || !record) return;
          const content = format.decode(record.payload);
          content.data["flask"] = true;
          await inner.create(key, { payload: format.encode(content, record.payload), expiresAt });
        },
      ],
      async check() {
        const record = await inner.read(key);
        // Not notes of where a session has moved, for which Flask never asks.
        let records = 0;
        for await (const one of inner.list?.() ?? []) if (one.key.startsWith("session:")) records += 1;
        check(record ? format.decode(record.payload).data : undefined, answers, records);
      },
    };
  });
  expect(result.complete).toBe(true);
  expect(result.orders).toBeGreaterThanOrEqual(3);
}

describe.each(formats)("%s:", (_, format) => {
  test("changes of two requests and of Flask are all kept", async () => {
    const count = (session: Session<Data>): unknown => session.update("n", (n) => Number(n) + 1);
    const mine = (session: Session<Data>): unknown => [count(session), Object.assign(session.data, { mine: [1.5] })];
    await beside(format, "writes", [count as never, mine as never], (data, answers) => {
      expect(answers.map(({ error }) => error)).toEqual([undefined, undefined]);
      expect(data).toEqual({ n: 2, f: 0.5, flask: true, mine: [1.5] });
    });
  });

  test("a session that Flask ends does not come back, whether it was written, cleared or given a new id", async () => {
    for (const handler of [
      ({ data }) => Object.assign(data, { mine: 1 }),
      (session) => session.clear(),
      (session) => session.take("n" as never),
    ] as ((session: Session) => unknown)[]) {
      await beside(format, "ends", [handler], (data, [answer], records) => {
        expect([data, answer?.error, records]).toEqual([undefined, undefined, 0]);
        // What was cleared before Flask ended it has ended here, cookie and all.
        expect(answer?.setCookie ?? "").toMatch(/^$|; Max-Age=0;/);
      });
    }
    // Whoever has a new id before Flask ends the old one keeps it.
    await beside(format, "ends", [(session) => session.login("7")], (data, [answer], records) => {
      expect([data, answer?.error]).toEqual([undefined, undefined]);
      expect(records).toBe(answer?.setCookie === undefined ? 0 : 1);
    });
  });

  test("a taken value was the previous one, or Flask's newer one is still there", async () => {
    const seen = new Set<unknown>();
    await beside(format, "writes", [(session) => session.take("flask" as never)], (data, [answer]) => {
      seen.add(answer?.value);
      expect(data).toEqual({ n: 0, f: 0.5, ...(answer?.value === false && { flask: true }) });
    });
    expect(seen).toEqual(new Set([false, true]));
  });
});
