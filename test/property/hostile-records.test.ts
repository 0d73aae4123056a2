/** Hostile records in the store: no session and an event, or a session; never an error page, whatever the request does. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Payload } from "../../src/core/contracts/format.ts";
import type { SessionEvent } from "../../src/core/contracts/session-event.ts";
import type { Store } from "../../src/core/contracts/store.ts";
import { encrypted } from "../../src/core/record/encrypted.ts";
import { jsonFormat } from "../../src/core/record/json-format.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { request } from "../support/requests.ts";
import { anyText, hostilePayloads, runs } from "./arbitraries.ts";

const now = 1_800_000_000_000;
const id = "A".repeat(43);
const cookie = `__Host-session=${id}`;
const secret = "a secret of at least 32 characters, really";

interface Scene {
  readonly store: Store;
  readonly sessions: Sessions;
  readonly events: SessionEvent[];
}

/** A store in which `payload` lies under the key that the cookie leads to. */
async function scene(payload: Payload, sealed: boolean): Promise<Scene> {
  const store = memoryStore({ now: () => now });
  const format = sealed ? encrypted(jsonFormat(), secret) : jsonFormat();
  const sessions = new Sessions({ store, format, now: () => now, wait: async () => {} });
  const key = await keyOf(id);
  await store.create(key, {
    payload: (await (sealed && format.wrap?.(payload, key))) || payload,
    expiresAt: now + 1000,
  });
  const events: SessionEvent[] = [];
  sessions.on((event) => events.push(event));
  return { store, sessions, events };
}

async function keyOf(one: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(one));
  return `session:${Buffer.from(digest).toString("base64url")}`;
}

/** A read, a write, a login and a logout end well, and what cannot be read is said so once per request. */
async function isNoErrorPage(payload: Payload, sealed = false): Promise<void> {
  const read = await scene(payload, sealed);
  const answer = await request(read.sessions, cookie, ({ isNew }) => isNew);
  expect(answer.error).toBeUndefined();
  const said = read.events.map(({ type }) => type);
  const reasons = ["record_refused", "session_expired", "session_use_after_expire"];
  expect(said.filter((type) => reasons.includes(type))).toHaveLength(answer.value ? 1 : 0);

  const write = await scene(payload, sealed);
  const { error } = await request(write.sessions, cookie, ({ data }) => Object.assign(data, { mine: 1 }));
  expect(error).toBeUndefined();

  for (const change of ["login", "destroy"] as const) {
    const other = await scene(payload, sealed);
    const ended = await request(other.sessions, cookie, (session) => session[change]("ada"));
    expect(ended.error).toBeUndefined();
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
}

describe("a record that is", () => {
  test.each(Object.entries(hostilePayloads))("%s", async (_, payloads) => {
    await fc.assert(
      fc.asyncProperty(payloads, async (payload) => {
        await isNoErrorPage(payload);
      }),
      runs(60),
    );
  });

  test("bytes", async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array(), (payload) => isNoErrorPage(payload)));
  });

  test("that is hostile under our own seal, or in place of it", async () => {
    const payloads = fc.oneof(...Object.values(hostilePayloads));
    await fc.assert(fc.asyncProperty(payloads, (payload) => isNoErrorPage(payload, true)));
    for (const payload of ["sealed.", "sealed.AAAA", `sealed.${"A".repeat(100)}`, new Uint8Array(40)]) {
      const { sessions, events } = await scene(payload, true);
      expect((await request(sessions, cookie, ({ isNew }) => isNew)).value).toBe(true);
      expect(events.map(({ type }) => type)).toEqual(["record_refused"]);
    }
  });

  test.each([
    "",
    "null",
    "5",
    "[]",
    "{}",
    "{",
    '{"to":5,"at":1}',
    '{"to":{},"at":1}',
    '{"to":null,"at":1}',
    '{"to":"","at":1}',
    '{"to":"nowhere"}',
    '{"to":"nowhere","at":"x","seen":"y"}',
    '{"to":"SELF","at":1}',
    '{"to":"SELF","at":1800000000000}',
    '{"__proto__":{"to":"x"}}',
  ])("that forwards a renewed id and holds %s is no error page", async (post) => {
    await isNoErrorPage(`sojourn-renewed:${post.replace("SELF", await keyOf(id))}`);
  });

  test("that forwards a renewed id and holds anything", async () => {
    const posts = fc.oneof(
      fc.json(),
      anyText,
      fc.record({ to: fc.jsonValue(), at: fc.jsonValue() }).map((post) => JSON.stringify(post)),
    );
    await fc.assert(fc.asyncProperty(posts, (post) => isNoErrorPage(`sojourn-renewed:${post}`)));
  });
});
