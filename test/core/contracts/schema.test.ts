/** Schemas of three libraries check what is loaded. */

import { type } from "arktype";
import * as valibot from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { StandardSchema } from "../../../src/core/contracts/schema.ts";
import type { SessionEvent } from "../../../src/core/contracts/session-event.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { request } from "../../support/requests.ts";
import { countedStore } from "../request/counted.ts";

interface Data {
  visits: number;
  theme: string;
}

const schemas: [string, StandardSchema<Data>][] = [
  ["zod", z.object({ visits: z.number(), theme: z.string().default("light") })],
  ["valibot", valibot.object({ visits: valibot.number(), theme: valibot.optional(valibot.string(), "light") })],
  ["arktype", type({ visits: "number", theme: "string = 'light'" })],
];

/** An application with a schema over a store that one without has written to. */
async function setUp(schema: StandardSchema<object>, stored: Record<string, unknown>) {
  const { store, calls } = countedStore();
  const { cookie } = await request(new Sessions({ store }), undefined, (session) => {
    session.login("ada");
    Object.assign(session.data, stored);
  });
  const sessions = new Sessions<Record<string, unknown>>({ store, schema: schema as never });
  const events: SessionEvent[] = [];
  sessions.on((event) => events.push(event));
  calls.length = 0;
  return { store, calls, cookie, sessions, events };
}

describe.each(schemas)("a schema of %s", (_, schema) => {
  test("that accepts lets the session through, and is called for nothing else", async () => {
    const { sessions, cookie, calls, events } = await setUp(schema, { visits: 1, theme: "dark" });
    const { value, setCookie } = await request(sessions, cookie, ({ data, subject }) => [{ ...data }, subject]);
    expect(value).toEqual([{ visits: 1, theme: "dark" }, "ada"]);
    expect(setCookie).toBeUndefined();
    expect(calls).toEqual(["read"]);
    expect(events).toEqual([]);
  });

  test("that rejects gives a new session and an event, and leaves record and cookie as they were", async () => {
    const { sessions, store, cookie, calls, events } = await setUp(schema, { visits: "hunter2" });
    const answer = await request(sessions, cookie, ({ isNew, data, subject }) => [isNew, { ...data }, subject]);
    expect(answer.value).toEqual([true, {}, undefined]);
    expect(answer.setCookie).toBeUndefined();
    expect(calls).toEqual(["read"]);
    expect(events).toMatchObject([{ type: "record_refused", subject: "ada", reason: "the schema refused the data" }]);
    expect(events[0]?.handle).toMatch(/^[\w-]{12}$/);
    expect(JSON.stringify(events)).not.toContain("hunter2");
    const back = await request(new Sessions({ store }), cookie, ({ data }) => data["visits"]);
    expect(back.value).toBe("hunter2");
  });

  test("that rejected does not prevent a new session", async () => {
    const { sessions, cookie } = await setUp(schema, { visits: "one" });
    const first = await request(sessions, cookie, ({ data }) => Object.assign(data, { visits: 1 }));
    expect(first.cookie).not.toBe(cookie);
    const second = await request(sessions, first.cookie, ({ data, subject }) => [data["visits"], subject]);
    expect(second.value).toEqual([1, undefined]);
  });

  test("that fills in a default writes nothing on a read", async () => {
    const { sessions, cookie, calls } = await setUp(schema, { visits: 1 });
    const { value, setCookie } = await request(sessions, cookie, ({ data }) => ({ ...data }));
    expect(value).toEqual({ visits: 1, theme: "light" });
    expect(setCookie).toBeUndefined();
    expect(calls).toEqual(["read"]);
  });

  test("that fills in a default lets changes be saved", async () => {
    const { sessions, cookie, calls } = await setUp(schema, { visits: 1 });
    await request(sessions, cookie, (session) => session.update("visits", (n) => (n as number) + 1));
    expect(calls).toEqual(["read", "update"]);
    const { value } = await request(sessions, cookie, ({ data }) => ({ ...data }));
    expect(value).toEqual({ visits: 2, theme: "light" });
  });

  test("is not called for what is saved", async () => {
    const { sessions, cookie } = await setUp(schema, { visits: 1 });
    const answer = await request(sessions, cookie, ({ data }) => Object.assign(data, { visits: "many" }));
    expect(answer.error).toBeUndefined();
    expect((await request(sessions, cookie, ({ isNew }) => isNew)).value).toBe(true);
  });

  test("is not called for a new session, nor without a cookie", async () => {
    const { sessions, calls, events } = await setUp(schema, { visits: 1 });
    expect((await request(sessions, undefined, ({ data }) => ({ ...data }))).value).toEqual({});
    expect(calls).toEqual([]);
    expect(events).toEqual([]);
  });

  test("handles keys like __proto__ safely", async () => {
    const hostile = JSON.parse('{"visits":1,"theme":"dark","__proto__":{"polluted":1},"constructor":1}') as object;
    const { store, cookie } = await setUp(schema, {});
    await request(new Sessions<Record<string, unknown>>({ store }), cookie, (session) => {
      for (const [key, value] of Object.entries(hostile)) session.flash(key, value);
    });
    const sessions = new Sessions<Record<string, unknown>>({ store, schema: schema as never });
    const { value } = await request(sessions, cookie, ({ data }) => [
      data["visits"],
      Object.keys(data).sort(),
      Object.getPrototypeOf(data) === Object.prototype,
    ]);
    expect(value).toEqual([1, ["__proto__", "constructor", "theme", "visits"], true]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("the output of a schema", () => {
  test("is what handlers see, and is no change by itself", async () => {
    const schema = z.object({ since: z.coerce.date(), name: z.string().trim() });
    const { sessions, cookie, calls } = await setUp(schema, { since: "2026-01-01T00:00:00Z", name: " Ada " });
    const { value } = await request(sessions, cookie, ({ data }) => ({ ...data }));
    expect(value).toEqual({ since: new Date("2026-01-01T00:00:00Z"), name: "Ada" });
    expect(calls).toEqual(["read"]);
  });

  test("may be asynchronous", async () => {
    const schema = z.object({ visits: z.number().refine(async (n) => n < 5) });
    const good = await setUp(schema, { visits: 1 });
    expect((await request(good.sessions, good.cookie, ({ data }) => data["visits"])).value).toBe(1);
    const bad = await setUp(schema, { visits: 9 });
    expect((await request(bad.sessions, bad.cookie, ({ isNew }) => isNew)).value).toBe(true);
    expect(bad.events.map(({ type }) => type)).toEqual(["record_refused"]);
  });

  test("that cannot be stored is an error that names the value", async () => {
    class Money {
      amount = 1;
    }
    const schema = z.object({ total: z.number().transform(() => new Money()) });
    const { sessions, cookie } = await setUp(schema, { total: 1 });
    const { error } = await request(sessions, cookie, ({ data }) => data["total"]);
    expect(error).toMatchObject({ code: "ERR_SESSION_NOT_STORABLE" });
    expect((error as Error).message).toContain("session.data.total cannot be stored: received an instance of Money");
  });
});

describe("a schema that knows fewer keys than the session has", () => {
  test("keeps the keys that a newer node added, though zod strips them", async () => {
    const { store, cookie, sessions } = await setUp(z.object({ visits: z.number() }), { visits: 1, added: "later" });
    await request(sessions, cookie, (session) => session.update("visits", (n) => (n as number) + 1));
    const { value } = await request(new Sessions({ store }), cookie, ({ data }) => ({ ...data }));
    expect(value).toEqual({ visits: 2, added: "later" });
  });
});

describe("a schema and a save that merged", () => {
  test("shows the merged data as the schema outputs it, defaults and coercion included", async () => {
    const schema = z.object({ visits: z.coerce.number(), theme: z.string().default("light") });
    const { store, cookie, sessions } = await setUp(schema, { visits: "1" });
    const raw = new Sessions<Record<string, unknown>>({ store });
    const { value } = await request(sessions, cookie, async (session) => {
      session.update("visits", (n) => (n as number) + 1);
      await request(raw, cookie, ({ data }) => Object.assign(data, { visits: "10" }));
      await session.save();
      return { ...session.data };
    });
    expect(value).toEqual({ visits: 11, theme: "light" });
  });
});
