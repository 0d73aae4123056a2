/** Records of Flask that cannot be read here: whoever is logged in there stays so, until they log out. */

import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { SessionEvent } from "../../src/core/contracts/session-event.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { flaskCookie } from "../../src/flask/cookie.ts";
import { flaskSession } from "../../src/flask.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { request } from "../support/requests.ts";

const now = 1_800_000_000_000;
const id = "A".repeat(43);
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const records = {
  msgpack: new Uint8Array([0x81, 0xa1, 0x61, 0xc1]),
  json: utf8('{"a":NaN}'),
  // Flask-Session's serializer reads this pickle, and here it has no word in msgpack.
  "pickle in msgpack's place": utf8("}Va\ncfractions\nFraction\n(V1/3\ntRs."),
  pickle: utf8("}Va\nPpersistent\ns."),
};

describe.each(Object.entries(records))("a record in %s that cannot be read", (name, payload) => {
  const format = name === "pickle" || name === "json" ? name : "msgpack";
  const scene = async () => {
    const store = memoryStore({ now: () => now });
    await store.create(`session:${id}`, { payload, expiresAt: now + 1_000_000 });
    const options = flaskSession({ subjectKey: "_user_id", format });
    const sessions = new Sessions({ ...options, store, now: () => now, wait: async () => {} });
    const events: SessionEvent[] = [];
    sessions.on((event) => events.push(event));
    const kept = async () => (await store.read(`session:${id}`))?.payload;
    return { sessions, events, kept, store };
  };

  test("is a guest's session, and an event says so", async () => {
    const { sessions, events, kept } = await scene();
    const { value, setCookie } = await request(sessions, `session=${id}`, ({ isNew, data }) => [isNew, { ...data }]);
    expect(value).toEqual([true, {}]);
    expect(setCookie).toBeUndefined();
    expect(await kept()).toEqual(payload);
    expect(events.map(({ type }) => type)).toEqual(["record_refused"]);
  });

  test("is not overwritten, and its cookie not replaced", async () => {
    const { sessions, events, kept, store } = await scene();
    for (const write of ["data", "regenerate", "persistent"] as const) {
      const { error, setCookie } = await request(sessions, `session=${id}`, (session) => {
        session.data["cart"] = [1];
        if (write === "regenerate") session.regenerate();
        if (write === "persistent") session.persistent = true;
      });
      expect(error).toBeUndefined();
      expect(setCookie).toBeUndefined();
    }
    expect(await kept()).toEqual(payload);
    expect(await Array.fromAsync(store.list!())).toHaveLength(1);
    const said = events.filter(({ type }) => type === "save_refused");
    expect(said).toHaveLength(3);
    expect(said[0]?.reason).toBe("the record of another program cannot be read here");
  });

  test("fails a login", async () => {
    const { sessions, kept } = await scene();
    const { error, setCookie } = await request(sessions, `session=${id}`, (session) => session.login("ada"));
    expect(error).toMatchObject({ code: "ERR_SESSION_UNREADABLE", status: 503 });
    expect(setCookie).toBeUndefined();
    expect(await kept()).toEqual(payload);
  });

  test("ends when the user logs out", async () => {
    const { sessions, kept, events } = await scene();
    const { error, setCookie } = await request(sessions, `session=${id}`, (session) => session.destroy());
    expect(error).toBeUndefined();
    expect(setCookie).toContain("Max-Age=0");
    expect(await kept()).toBeUndefined();
    expect(events.map(({ type }) => type)).toEqual(["record_refused", "session_logout"]);
  });
});

test("in Flask's own cookie, with an unknown tag, stays with the client", async () => {
  const secretKey = "a key that both sides know";
  const sessions = new Sessions(flaskCookie({ secretKey, now: () => now }));
  const { cookie = "" } = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: 1 }));
  const [, time = ""] = cookie.slice("session=".length).split(".").slice(-3);
  const body = `${Buffer.from('{"a":{" u":"no uuid"}}').toString("base64url")}.${time}`;
  const key = createHmac("sha1", secretKey).update("cookie-session").digest();
  const signed = `session=${body}.${createHmac("sha1", key).update(body).digest("base64url")}`;
  const write = await request(sessions, signed, ({ isNew, data }) => {
    data["mine"] = 1;
    return isNew;
  });
  expect(write).toMatchObject({ value: true, setCookie: undefined, error: undefined });
  const login = await request(sessions, signed, (session) => session.login("ada"));
  expect(login.error).toMatchObject({ code: "ERR_SESSION_UNREADABLE" });
  const logout = await request(sessions, signed, (session) => session.destroy());
  expect(logout.setCookie).toContain("Max-Age=0");
});
