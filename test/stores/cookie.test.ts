/** Sessions in the cookie: every promise they keep, and every one they do not. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { randomIds } from "../../src/core/client/id.ts";
import { bareToken } from "../../src/core/client/token.ts";
import type { Session } from "../../src/core/contracts/session.ts";
import type { SessionEvent } from "../../src/core/contracts/session-event.ts";
import type { Store } from "../../src/core/contracts/store.ts";
import type { SessionOptions } from "../../src/core/options/options.ts";
import { encrypted } from "../../src/core/record/encrypted.ts";
import { jsonFormat } from "../../src/core/record/json-format.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { nodeSessions } from "../../src/frameworks/node.ts";
import { type CookieStoreOptions, cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { faultyStore } from "../../src/testing/faults.ts";
import { countedStore } from "../core/request/counted.ts";
import { reportBackend } from "../support/report.ts";

reportBackend({ backend: "cookie", server: "none (the client keeps it)" });

interface Data {
  n: number;
  m: number;
  text: string;
  cart: string[];
}

const secret = "a secret of the tests, of more than 32 characters";
const older = "the secret before it, of more than 32 characters";
const minute = 60_000;
const reader = { cookie: (request: { cookie?: string }) => request.cookie, secure: () => true };

/** A client: keeps the cookies it is sent, as a browser does. */
class Client {
  readonly jar = new Map<string, string>();
  readonly sessions: Sessions<Data>;

  constructor(sessions: Sessions<Data>, jar: Iterable<[string, string]> = []) {
    this.sessions = sessions;
    this.jar = new Map(jar);
  }

  /** Sends a request; answers what the handler returned. `arrive` takes the response to the client. */
  async send<T>(handler: (session: Session<Data>) => T | Promise<T>) {
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const request = cookie === "" ? {} : { cookie };
    const exchange = this.sessions.open(request, reader);
    const value = await handler(await this.sessions.get(request));
    const headers = new Headers();
    let error: unknown;
    try {
      await exchange.commit(headers);
    } catch (thrown) {
      error = thrown;
      await exchange.commit(headers, { failed: true });
    }
    const lines = headers.getSetCookie();
    return { value, error, lines, headers, arrive: () => this.receive(lines) };
  }

  receive(lines: readonly string[]): void {
    for (const line of lines) {
      const [, name = "", value = ""] = /^([^=]*)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0(;|$)/.test(line)) this.jar.delete(name);
      else this.jar.set(name, value);
    }
  }

  /** A request whose response arrives. */
  async ask<T>(handler: (session: Session<Data>) => T | Promise<T>) {
    const answer = await this.send(handler);
    answer.arrive();
    return answer;
  }

  /** Another holder of the same cookies. */
  copy(): Client {
    return new Client(this.sessions, this.jar);
  }
}

function setUp(store: CookieStoreOptions = { secrets: secret }, options: Omit<SessionOptions<Data>, "store"> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const sessions = new Sessions<Data>({ store: cookieStore(store), now: () => clock.now, ...options });
  const events: SessionEvent[] = [];
  sessions.on((event) => events.push(event));
  return { clock, sessions, events, client: new Client(sessions), types: () => events.map(({ type }) => type) };
}

function withRevocations(store?: Store, options: Omit<SessionOptions<Data>, "store"> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const revocations = store ?? memoryStore({ now: () => clock.now });
  const { sessions, events, client, types } = setUp(
    { secrets: secret, revocations },
    { ...options, now: () => clock.now },
  );
  return { clock, revocations, sessions, events, client, types };
}

const read = ({ data }: Session<Data>) => ({ ...data });
const name = "__Host-session";

describe("a session in the cookie", () => {
  test("is what the client sends back, and nothing else is stored", async () => {
    const { client } = setUp();
    const { lines, headers } = await client.ask(({ data }) => Object.assign(data, { n: 1, cart: ["tea"] }));
    expect(lines).toEqual([expect.stringMatching(/^__Host-session=[\w-]+; Path=\/; Secure; HttpOnly; SameSite=Lax$/)]);
    expect(headers.get("cache-control")).toBe("no-store");
    expect((await client.ask(read)).value).toEqual({ n: 1, cart: ["tea"] });
  });

  test("is read by another process that has the secret", async () => {
    const { client } = setUp();
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    const elsewhere = new Client(setUp().sessions, client.jar);
    expect((await elsewhere.ask(read)).value).toEqual({ n: 1 });
  });

  test("sets no cookie while it is empty, nor for a read", async () => {
    const { client } = setUp();
    expect((await client.ask(read)).lines).toEqual([]);
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    expect((await client.ask(read)).lines).toEqual([]);
  });

  test("shows nothing of its content", async () => {
    const { client } = setUp();
    const canary = "a-canary-in-the-session";
    await client.ask(({ data }) => Object.assign(data, { text: canary }));
    const bytes = Buffer.from(client.jar.get(name) as string, "base64url");
    expect(bytes.includes(canary)).toBe(false);
    expect(bytes.includes("sojourn")).toBe(false);
  });

  test("is refused with any character changed", async () => {
    const { client, types } = setUp();
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    const value = client.jar.get(name) as string;
    for (let at = 0; at < value.length; at++) {
      const other = value[at] === "A" ? "B" : "A";
      const forged = new Client(client.sessions, [[name, value.slice(0, at) + other + value.slice(at + 1)]]);
      expect((await forged.ask((session) => session.isNew)).value).toBe(true);
    }
    expect(types().filter((type) => type === "token_refused")).toHaveLength(value.length);
  });

  test("is bound to the name of its cookie, and refused under another", async () => {
    const admin = setUp({ secrets: secret }, { cookie: { name: "admin" } });
    await admin.client.ask(({ data }) => Object.assign(data, { n: 1 }));
    const { sessions, types } = setUp();
    const swapped = new Client(sessions, [[name, admin.client.jar.get("__Host-admin") as string]]);
    expect((await swapped.ask(read)).value).toEqual({});
    expect(types()).toEqual(["token_refused"]);
  });

  test("is refused when sent twice with different values", async () => {
    const { sessions, types } = setUp();
    const request = { cookie: `${name}=a; ${name}=b` };
    sessions.open(request, reader);
    expect((await sessions.get(request)).isNew).toBe(true);
    expect(types()).toEqual(["token_refused"]);
  });

  test("may be bytes, where the format gives bytes", async () => {
    const json = jsonFormat();
    const format = {
      ...json,
      name: "bytes",
      encode: (...content: Parameters<typeof json.encode>) =>
        new TextEncoder().encode(json.encode(...content) as string),
      decode: (payload: string | Uint8Array) => json.decode(new TextDecoder().decode(payload as Uint8Array)),
    };
    const { client } = setUp({ secrets: secret }, { format });
    await client.ask(({ data }) => Object.assign(data, { text: "Ådä" }));
    expect((await client.ask(read)).value).toEqual({ text: "Ådä" });
    expect((await client.ask(read)).lines).toEqual([]);
  });

  test("that the format cannot decode is no session and an event, never an error page", async () => {
    const { client } = setUp();
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    const strange = setUp({ secrets: secret }, { format: { ...jsonFormat(), decode: () => JSON.parse("{") } });
    expect((await new Client(strange.sessions, client.jar).ask(read)).value).toEqual({});
    expect(strange.types()).toEqual(["record_refused"]);
  });

  test("cannot be changed after the headers were sent: an error, and the cookie stays", async () => {
    const { sessions, client } = setUp();
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    const request = { cookie: `${name}=${client.jar.get(name)}` };
    const exchange = sessions.open(request, reader);
    const session = await sessions.get(request);
    await exchange.commit(new Headers());
    session.data.n = 2;
    await expect(exchange.finish()).rejects.toMatchObject({ code: "ERR_SESSION_HEADERS_SENT" });
    expect(() => session.destroy()).toThrow(expect.objectContaining({ code: "ERR_SESSION_HEADERS_SENT" }));
  });

  test("is sent as of the last save of the request", async () => {
    const { client } = setUp();
    const { lines } = await client.ask(async (session) => {
      session.data.n = 1;
      await session.save();
      session.data.n = 2;
    });
    expect(lines).toHaveLength(1);
    expect((await client.ask(read)).value).toEqual({ n: 2 });
  });

  test("changes before a throw are discarded", async () => {
    const { sessions, client } = setUp();
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    const request = { cookie: `${name}=${client.jar.get(name)}` };
    const exchange = sessions.open(request, reader);
    (await sessions.get(request)).data.n = 2;
    const headers = new Headers();
    await exchange.commit(headers, { failed: true });
    expect(headers.getSetCookie()).toEqual([]);
  });
});

describe("time", () => {
  test("the idle timeout is inside the cookie: a cookie kept longer is no session", async () => {
    const { client, clock, types } = setUp({ secrets: secret }, { idleTimeout: "10m" });
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    clock.now += 10 * minute - 1;
    expect((await client.copy().ask(read)).value).toEqual({ n: 1 });
    clock.now += 1;
    expect((await client.copy().ask(read)).value).toEqual({});
    expect(types().at(-1)).toBe("session_use_after_expire");
  });

  test("a read extends it, at most once per touchInterval", async () => {
    const { client, clock } = setUp({ secrets: secret }, { idleTimeout: "10m", touchInterval: "1m" });
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    clock.now += minute - 1;
    expect((await client.ask(read)).lines).toHaveLength(0);
    clock.now += 1;
    expect((await client.ask(read)).lines).toHaveLength(1);
    expect((await client.ask(read)).lines).toHaveLength(0);
    clock.now += 10 * minute - 1;
    expect((await client.ask(read)).value).toEqual({ n: 1 });
  });

  test("the absolute timeout ends it however active it is", async () => {
    const { client, clock } = setUp({ secrets: secret }, { idleTimeout: "10m", absoluteTimeout: "1h" });
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    for (let step = 0; step < 11; step++) {
      clock.now += 5 * minute;
      expect((await client.ask(read)).value).toEqual({ n: 1 });
    }
    clock.now += 5 * minute;
    expect((await client.ask(read)).value).toEqual({});
  });

  test("a persistent cookie has a Max-Age never shorter than the session", async () => {
    const { client } = setUp({ secrets: secret }, { persistent: true, idleTimeout: "10m" });
    const { lines } = await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    expect(lines[0]).toContain("; Max-Age=600;");
  });
});

describe("secrets", () => {
  test("an old one opens, and the response seals with the new one", async () => {
    const before = setUp({ secrets: older });
    await before.client.ask(({ data }) => Object.assign(data, { n: 1 }));
    const client = new Client(setUp({ secrets: [secret, older] }).sessions, before.client.jar);
    const { value, lines } = await client.ask(read);
    expect(value).toEqual({ n: 1 });
    expect(lines).toHaveLength(1);
    const after = new Client(setUp({ secrets: secret }).sessions, client.jar);
    expect((await after.ask(read)).value).toEqual({ n: 1 });
    expect((await client.ask(read)).lines).toEqual([]);
  });

  test("a dropped one opens nothing", async () => {
    const before = setUp({ secrets: older });
    await before.client.ask(({ data }) => Object.assign(data, { n: 1 }));
    expect((await new Client(setUp().sessions, before.client.jar).ask(read)).value).toEqual({});
  });
});

describe("size", () => {
  const large =
    (length: number) =>
    ({ data }: Session<Data>) => {
      data.text = "x".repeat(length);
    };

  test("a session that does not fit is an error before the response, and the previous one stays", async () => {
    const { client } = setUp();
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    const { error, lines } = await client.ask(large(4000));
    expect(error).toMatchObject({ code: "ERR_SESSION_TOO_LARGE", status: 500 });
    expect(lines).toEqual([]);
    expect((await client.ask(read)).value).toEqual({ n: 1 });
  });

  test("the largest one uses 4096 octets of name and value, not one more", async () => {
    const { client } = setUp();
    let most = 0;
    for (let length = 2700; length < 3100; length++) {
      if ((await client.copy().ask(large(length))).error) break;
      most = length;
    }
    await client.ask(large(most));
    const size = name.length + (client.jar.get(name) as string).length;
    expect(size).toBeLessThanOrEqual(4096);
    expect(size).toBeGreaterThan(4092);
  });

  test("a login that is too large leaves the previous session valid, also with revocations", async () => {
    const { client } = withRevocations();
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    const { error } = await client.ask((session) => {
      session.login("ada");
      session.data.text = "x".repeat(5000);
    });
    expect(error).toMatchObject({ code: "ERR_SESSION_TOO_LARGE" });
    expect((await client.ask(read)).value).toEqual({ n: 1 });
  });
});

describe("chunks", () => {
  const chunked = { secrets: secret, chunks: 4 };
  const text = (length: number) =>
    Array.from({ length }, (_, at) => String.fromCharCode(97 + ((at * 7) % 26))).join("");
  const put =
    (length: number) =>
    ({ data }: Session<Data>) => {
      data.text = text(length);
    };

  test("a large session uses as many cookies as it needs, each of at most 4096 octets", async () => {
    const { client } = setUp(chunked);
    for (const [length, count] of [
      [100, 1],
      [4000, 2],
      [7000, 3],
      [11_000, 4],
    ] as const) {
      await client.ask(put(length));
      expect([...client.jar.keys()]).toEqual([name, `${name}-1`, `${name}-2`, `${name}-3`].slice(0, count));
      for (const [cookie, value] of client.jar) expect(cookie.length + value.length).toBeLessThanOrEqual(4096);
      expect((await client.ask(read)).value).toEqual({ text: text(length) });
    }
  });

  test("every length around the limits comes back", async () => {
    const { client } = setUp(chunked);
    for (const border of [2900, 5960]) {
      for (let length = border; length < border + 120; length++) {
        await client.ask(put(length));
        expect((await client.ask(read)).value?.text).toHaveLength(length);
      }
    }
  });

  test("unused cookies are removed", async () => {
    const { client } = setUp(chunked);
    await client.ask(put(11_000));
    expect(client.jar.size).toBe(4);
    await client.ask(put(4000));
    expect([...client.jar.keys()]).toEqual([name, `${name}-1`]);
    await client.ask(put(10));
    expect([...client.jar.keys()]).toEqual([name]);
    expect((await client.ask(read)).value).toEqual({ text: text(10) });
  });

  test("destroy removes them all", async () => {
    const { client } = setUp(chunked);
    await client.ask(put(11_000));
    await client.ask((session) => session.destroy());
    expect(client.jar.size).toBe(0);
  });

  test("chunks of two responses are refused as a whole, however they are mixed", async () => {
    const { client, types } = setUp(chunked);
    await client.ask(put(7000));
    const first = client.jar;
    const other = client.copy();
    await other.ask(({ data }) => Object.assign(data, { text: text(7000).toUpperCase() }));
    const second = other.jar;
    const names = [...first.keys()];
    for (const mixed of [1, 2, 3, 4, 5, 6]) {
      const jar = names.map((one, at): [string, string] => [one, (mixed & (1 << at) ? second : first).get(one) ?? ""]);
      expect((await new Client(client.sessions, jar).ask(read)).value).toEqual({});
    }
    expect(types().filter((type) => type === "token_refused")).toHaveLength(6);
  });

  test("a missing chunk, or one sent twice with different values, makes all refused", async () => {
    const { client } = setUp(chunked);
    await client.ask(put(7000));
    for (const missing of client.jar.keys()) {
      const jar = [...client.jar].filter(([one]) => one !== missing);
      expect((await new Client(client.sessions, jar).ask(read)).value).toEqual({});
    }
    const cookie = [...client.jar, [`${name}-2`, "other"]].map((one) => one.join("=")).join("; ");
    client.sessions.open({ cookie }, reader);
    const request = { cookie };
    client.sessions.open(request, reader);
    expect((await client.sessions.get(request)).isNew).toBe(true);
  });

  test("leftovers of a longer session are ignored, and removed at the next write", async () => {
    const { client } = setUp(chunked);
    await client.ask(put(10));
    const long = await client.send(put(7000));
    const short = await client.send(put(20));
    long.arrive();
    short.arrive();
    expect(client.jar.size).toBe(3);
    expect((await client.ask(read)).value).toEqual({ text: text(20) });
    await client.ask(put(30));
    expect([...client.jar.keys()]).toEqual([name]);
  });

  test("a guest who lost the first cookie gets the others removed with a new session", async () => {
    const { client } = setUp(chunked);
    await client.ask(put(7000));
    client.jar.delete(name);
    await client.ask(put(10));
    expect([...client.jar.keys()]).toEqual([name]);
  });

  test("a session larger than all of them is an error that says so", async () => {
    const { client } = setUp(chunked);
    const { error, lines } = await client.ask(put(16_000));
    expect(error).toMatchObject({ code: "ERR_SESSION_TOO_LARGE", message: expect.stringContaining("4 cookies") });
    expect(lines).toEqual([]);
  });

  test("sessions stay when chunks are turned on, and when turned off those that fit", async () => {
    const before = setUp();
    await before.client.ask(put(10));
    const client = new Client(setUp(chunked).sessions, before.client.jar);
    expect((await client.ask(read)).value).toEqual({ text: text(10) });
    await client.ask(put(20));
    expect((await new Client(before.sessions, client.jar).ask(read)).value).toEqual({ text: text(20) });
    await client.ask(put(7000));
    expect((await new Client(before.sessions, client.jar).ask(read)).value).toEqual({});
  });
});

describe("what a cookie alone cannot promise, and declares", () => {
  test("capabilities", () => {
    expect(cookieStore({ secrets: secret }).capabilities).toEqual({
      compareAndSwap: "none",
      revocable: false,
      list: false,
      bySubject: false,
      shared: true,
    });
    expect(cookieStore({ secrets: secret, revocations: memoryStore() }).capabilities.revocable).toBe(true);
  });

  test("of parallel requests the last response wins as a whole", async () => {
    const { client } = setUp();
    await client.ask(({ data }) => Object.assign(data, { n: 0, m: 0 }));
    const one = await client.send((session) => session.update("n", (n = 0) => n + 1));
    const two = await client.send((session) => session.update("m", (m = 0) => m + 1));
    one.arrive();
    two.arrive();
    expect((await client.ask(read)).value).toEqual({ n: 0, m: 1 });
  });

  test("a copy of the cookie stays valid after destroy, regenerate and login", async () => {
    const { client } = setUp();
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    const thief = client.copy();
    await client.ask((session) => session.login("ada"));
    expect((await thief.ask(read)).value).toEqual({ n: 1 });
    const second = client.copy();
    await client.ask((session) => session.destroy());
    expect(client.jar.size).toBe(0);
    expect((await second.ask((session) => session.subject)).value).toBe("ada");
  });

  test("sessions can neither be listed nor revoked: an error that says what to do", async () => {
    const { sessions } = setUp();
    await expect(sessions.list("ada")).rejects.toMatchObject({ code: "ERR_SESSION_NOT_SUPPORTED" });
    await expect(sessions.revoke("ada")).rejects.toMatchObject({
      code: "ERR_SESSION_NOT_SUPPORTED",
      message: expect.stringContaining("revocations"),
    });
  });
});

describe("with revocations", () => {
  const begin = async (client: Client) => client.ask(({ data }) => Object.assign(data, { n: 1 }));

  test("ordinary use writes nothing to the store", async () => {
    const { store, calls } = countedStore();
    const { client } = withRevocations(store);
    expect((await client.ask(read)).lines).toEqual([]);
    await begin(client);
    expect(calls).toEqual([]);
    await client.ask(read);
    expect(calls).toEqual(["read"]);
    await client.ask((session) => session.login("ada"));
    calls.length = 0;
    await client.ask(read);
    expect(calls).toEqual(["read", "read"]);
    calls.length = 0;
    await client.ask(({ data }) => Object.assign(data, { n: 2 }));
    expect(calls).toEqual(["read", "read", "read", "read"]);
  });

  test("a copy of the cookie is refused after destroy", async () => {
    const { client, types } = withRevocations();
    await begin(client);
    const thief = client.copy();
    await client.ask((session) => session.destroy());
    expect((await thief.ask(read)).value).toEqual({});
    expect(types().at(-1)).toBe("session_use_after_expire");
  });

  test.each(["login", "regenerate"] as const)(
    "a copy of the cookie is refused after %s, and the client's is not",
    async (how) => {
      const { client, clock } = withRevocations();
      await begin(client);
      const thief = client.copy();
      await client.ask((session) => (how === "login" ? session.login("ada") : session.regenerate()));
      clock.now += 11_000;
      expect((await thief.ask(read)).value).toEqual({});
      expect((await client.ask(read)).value).toEqual({ n: 1 });
      const second = client.copy();
      await client.ask((session) => session.regenerate());
      expect((await second.ask(read)).value).toEqual({});
      expect((await client.ask(read)).value).toEqual({ n: 1 });
    },
  );

  test("a slower request does not bring a destroyed session back: refused, and no cookie", async () => {
    const { client, types } = withRevocations();
    await begin(client);
    const parallel = client.copy();
    const { lines } = await parallel.send(async ({ data }) => {
      data.n = 2;
      await client.ask((session) => session.destroy());
    });
    expect(lines).toEqual([]);
    expect(types()).toContain("save_refused");
  });

  test("of two parallel logins one is refused, and the other's cookie is valid", async () => {
    const { client } = withRevocations();
    await begin(client);
    const parallel = client.copy();
    await client.send(async (session) => {
      session.login("ada");
      await parallel.ask((other) => other.login("bob"));
    });
    expect((await parallel.ask((session) => session.subject)).value).toBe("bob");
  });

  test("a request in flight during a login does not replace the login's cookie", async () => {
    const { client } = withRevocations();
    await begin(client);
    const late = client.copy();
    await client.ask((session) => session.login("ada"));
    const { lines, value } = await late.send((session) => {
      session.data.n = 3;
      return session.isNew;
    });
    expect(value).toBe(true);
    expect(lines).toEqual([]);
  });

  test("revoke ends all sessions of a subject, in every browser, and of no other", async () => {
    const { sessions, client, types } = withRevocations();
    const [phone, other] = [client.copy(), client.copy()];
    for (const [one, subject] of [
      [client, "ada"],
      [phone, "ada"],
      [other, "bob"],
    ] as const) {
      await begin(one);
      await one.ask((session) => session.login(subject));
    }
    await sessions.revoke("ada");
    expect(types().filter((type) => type === "session_revoked")).toHaveLength(1);
    expect((await client.ask(read)).value).toEqual({});
    expect((await phone.ask(read)).value).toEqual({});
    expect((await other.ask(read)).value).toEqual({ n: 1 });
  });

  test("a login after a revocation stays, and the next revocation ends it too", async () => {
    const { sessions, client } = withRevocations();
    await begin(client);
    await client.ask((session) => session.login("ada"));
    await sessions.revoke("ada");
    await client.ask((session) => session.login("ada"));
    expect((await client.ask((session) => session.subject)).value).toBe("ada");
    await sessions.revoke("ada");
    expect((await client.ask((session) => session.subject)).value).toBeUndefined();
  });

  test("revoke can spare one session repeatedly, and one that was revoked stays so", async () => {
    const { sessions, client } = withRevocations();
    const [phone, dead] = [client.copy(), client.copy()];
    const login = (session: Session<Data>) => session.login("ada");
    for (const one of [client, phone, dead]) await one.ask(login);
    const mine = (await client.ask((session) => session.handle)).value;
    const theirs = (await dead.ask((session) => session.handle)).value;
    const subject = async (one: Client) => (await one.copy().ask((session) => session.subject)).value;
    for (let round = 0; round < 3; round++) {
      await sessions.revoke("ada", { except: mine });
      expect([await subject(client), await subject(phone), await subject(dead)]).toEqual(["ada", undefined, undefined]);
    }
    await sessions.revoke("ada", { except: theirs });
    expect([await subject(client), await subject(dead)]).toEqual([undefined, undefined]);
  });

  test("a session spared by a revocation can regenerate and log in again, in the same request too", async () => {
    const { sessions, client, clock } = withRevocations();
    await client.ask((session) => session.login("ada"));
    const thief = client.copy();
    await client.ask(async (session) => {
      session.regenerate();
      await sessions.revoke("ada", { except: session.handle });
    });
    clock.now += 11_000;
    expect((await client.ask((session) => session.subject)).value).toBe("ada");
    expect((await thief.ask((session) => session.subject)).value).toBeUndefined();
    await client.ask((session) => session.login("ada"));
    expect((await client.ask((session) => session.subject)).value).toBe("ada");
  });

  test("a session may change its subject twice in one request, to one that was revoked before", async () => {
    const { sessions, client } = withRevocations();
    await sessions.revoke("bob");
    await client.ask(async (session) => {
      session.login("ada");
      await session.save();
      session.login("bob");
    });
    expect((await client.ask((session) => session.subject)).value).toBe("bob");
  });

  test("one session is revoked by its handle, but only by its own subject", async () => {
    const { sessions, client } = withRevocations();
    const phone = client.copy();
    for (const one of [client, phone]) await one.ask((session) => session.login("ada"));
    const handle = (await phone.ask((session) => session.handle)).value;
    await sessions.revoke("bob", { handle });
    expect((await phone.ask((session) => session.subject)).value).toBe("ada");
    await sessions.revoke("ada", { handle });
    expect((await phone.ask((session) => session.subject)).value).toBeUndefined();
    expect((await client.ask((session) => session.subject)).value).toBe("ada");
  });

  test("a login in flight when all were revoked is refused", async () => {
    const { sessions, client } = withRevocations();
    const login = await client.send(async (session) => {
      session.login("ada");
      await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      await sessions.revoke("ada");
    });
    login.arrive();
    expect((await client.ask((session) => session.subject)).value).toBeUndefined();
  });

  test("revocation records expire when no cookie they apply to can be valid, and not before", async () => {
    const { sessions, client, clock, revocations } = withRevocations(undefined, {
      idleTimeout: "10m",
      absoluteTimeout: "1h",
    });
    await client.ask((session) => session.login("ada"));
    const revoked = client.copy();
    await sessions.revoke("ada");
    await client.ask((session) => session.login("ada"));
    const destroyed = client.copy();
    await client.ask((session) => session.destroy());
    for (let step = 0; step < 14; step++) {
      expect((await revoked.copy().ask((session) => session.subject)).value).toBeUndefined();
      expect((await destroyed.copy().ask((session) => session.subject)).value).toBeUndefined();
      clock.now += 5 * minute;
    }
    clock.now += 120 * minute;
    expect(await revocations.prune?.()).toMatchObject({ cursor: undefined });
    for await (const row of revocations.list?.() ?? []) expect.unreachable(row.key);
  });

  test("a session that outlives its last login's record stays valid", async () => {
    const { sessions, client, clock, revocations } = withRevocations(undefined, {
      idleTimeout: "1h",
      absoluteTimeout: "2h",
    });
    await sessions.revoke("ada");
    clock.now += 119 * minute;
    await client.ask((session) => session.login("ada"));
    clock.now += 55 * minute;
    await client.ask(read);
    clock.now += 8 * minute; // Three hours after the revocation: absoluteTimeout and the margin for clocks.
    const noted: string[] = [];
    for await (const { key } of revocations.list?.() ?? []) noted.push(key);
    expect(noted).toEqual([]);
    expect((await client.ask((session) => session.subject)).value).toBe("ada");
  });

  test("no handle, subject or secret is a key in the store", async () => {
    const { sessions, client, revocations } = withRevocations();
    await client.ask((session) => session.login("ada@example.com"));
    const { value: handle } = await client.ask((session) => session.handle);
    await sessions.revoke("ada@example.com", { except: handle });
    const rows: string[] = [];
    for await (const { key } of revocations.list?.() ?? []) rows.push(key);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.join(" ")).not.toContain("ada");
    expect(rows.join(" ")).not.toContain(handle);
  });

  test("a login whose record was written and whose answer was lost reaches the client", async () => {
    let out = false;
    const store = faultyStore(memoryStore(), ({ method }) => (out && method === "create" ? "throw-after" : "pass"));
    const { client } = withRevocations(store);
    await begin(client);
    out = true;
    const { error } = await client.ask((session) => session.login("ada"));
    expect(error).toBeUndefined();
    expect((await client.ask((session) => session.subject)).value).toBe("ada");
  });

  test("a failing store logs no user out: 503, the cookie unchanged, and requests without a session are unaffected", async () => {
    let out = false;
    const { client, types } = withRevocations(faultyStore(memoryStore(), () => (out ? "throw-before" : "pass")));
    await client.ask((session) => session.login("ada"));
    const before = new Map(client.jar);
    out = true;
    await expect(client.ask(read)).rejects.toMatchObject({ status: 503 });
    expect(client.jar).toEqual(before);
    expect((await new Client(client.sessions).ask(read)).value).toEqual({});
    expect(types()).toContain("store_unavailable");
    out = false;
    expect((await client.ask((session) => session.subject)).value).toBe("ada");
  });
});

test("over real HTTP, several cookies are separate lines, beside the application's own", async () => {
  const { sessions } = setUp({ secrets: secret, chunks: 4 }, { cookie: { secure: false } });
  const withSessions = nodeSessions(sessions);
  const server = createServer(
    withSessions(async (req, res) => {
      const { data } = await sessions.get(req);
      if (req.url !== "/") data.text = "x".repeat(Number(req.url?.slice(1)));
      res.appendHeader("set-cookie", "theme=dark");
      res.end(`${data.text?.length}`);
    }),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new Client(sessions);
  const ask = async (path: string) => {
    const cookie = [...client.jar].map((one) => one.join("=")).join("; ");
    const response = await fetch(url + path, { headers: { cookie } });
    client.receive(response.headers.getSetCookie());
    return response.text();
  };
  try {
    expect(await ask("/7000")).toBe("7000");
    expect([...client.jar.keys()].sort()).toEqual(["session", "session-1", "session-2", "theme"]);
    expect(await ask("/")).toBe("7000");
    expect(await ask("/10")).toBe("10");
    expect([...client.jar.keys()].sort()).toEqual(["session", "theme"]);
    expect(await ask("/20000")).not.toBe("20000");
    expect(await ask("/")).toBe("10");
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test("neither the store nor errors and events contain a secret, a cookie or a generation mark", async () => {
  const revocations = memoryStore();
  const store = cookieStore({ secrets: [secret, older], revocations });
  const sessions = new Sessions<Data>({ store, warn: () => {} });
  const said: unknown[] = [store, sessions];
  sessions.on((event) => said.push(event));
  const client = new Client(sessions);
  const hidden = [secret, older];
  const hear = async (handler: (session: Session<Data>) => unknown) => {
    const { error } = await client.ask((session) => {
      said.push(session);
      return handler(session);
    });
    said.push(error);
    hidden.push(...[...client.jar.values()].map((value) => value.slice(0, 30)));
  };
  await hear(({ data }) => Object.assign(data, { n: 1 }));
  await hear((session) => session.login("ada"));
  await hear(({ data }) => Object.assign(data, { text: "x".repeat(9000) }));
  await hear(() => sessions.revoke("ada"));
  await hear((session) => session.destroy());
  client.jar.set(name, "junk");
  await hear(read);
  for await (const { payload } of revocations.list?.() ?? []) {
    const mark = /[\w-]{12,}/.exec(String(payload))?.[0];
    if (mark) hidden.push(mark);
  }
  expect(hidden.length).toBeGreaterThan(5);
  const all = inspect(said, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null });
  expect(hidden.filter((text) => all.includes(text))).toEqual([]);
});

describe("options", () => {
  const store = cookieStore({ secrets: secret });

  test.each<[string, unknown, string]>([
    [
      "nothing",
      undefined,
      "the argument of cookieStore() must be an object of options, such as { secrets }; received undefined",
    ],
    ["no secrets", {}, "secrets must be a secret of at least 32 characters"],
    ["a short secret", { secrets: "short" }, "received a string of 5 characters"],
    ["secrets and seal", { secrets: secret, seal: store.seal }, "cookieStore takes secrets or seal, not both"],
    ["a seal that is none", { seal: { seal: 1 } }, "seal must be an object with the functions seal and open"],
    ["no chunk", { secrets: secret, chunks: 0 }, "chunks must be a whole number from 1 to 9; received 0"],
    ["ten chunks", { secrets: secret, chunks: 10 }, "chunks must be a whole number from 1 to 9; received 10"],
    ["revocations in no store", { secrets: secret, revocations: {} }, "revocations must be a store"],
  ])("%s: a TypeError that names the option, without the secret", (_, options, message) => {
    const make = () => cookieStore(options as CookieStoreOptions);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
    expect(make).not.toThrow('short"');
  });

  test.each<[string, SessionOptions, CookieStoreOptions, string]>([
    ["token", { token: bareToken() }, { secrets: secret }, "token cannot be given together with cookieStore"],
    ["ids", { ids: randomIds("x:") }, { secrets: secret }, "ids cannot be given together with cookieStore"],
    ["renewAfter", { renewAfter: "5m" }, { secrets: secret }, "renewAfter must be false with cookieStore"],
    ["encryption", { format: encrypted(jsonFormat(), secret) }, { secrets: secret }, "which seals the cookie"],
    [
      "no absoluteTimeout",
      { absoluteTimeout: false },
      { secrets: secret, revocations: memoryStore() },
      "absoluteTimeout must not be false with revocations",
    ],
    [
      "a foreign format",
      { format: { ...jsonFormat(), foreign: true } },
      { secrets: secret, revocations: memoryStore() },
      "revocations cannot be given with format json",
    ],
  ])("%s beside cookieStore: a TypeError that says why", (_, options, cookie, message) => {
    expect(() => new Sessions({ ...options, store: cookieStore(cookie) })).toThrow(TypeError);
    expect(() => new Sessions({ ...options, store: cookieStore(cookie) })).toThrow(message);
  });

  test("another program's seal can be used", async () => {
    const seal = {
      seal: (payload: string | Uint8Array, expiresAt: number, cookie: string) =>
        Buffer.from(JSON.stringify([payload, expiresAt, cookie])).toString("base64url"),
      open: (text: string, cookie: string) => {
        const [payload, expiresAt, bound] = JSON.parse(Buffer.from(text, "base64url").toString());
        return bound === cookie ? { payload, expiresAt, stale: false } : null;
      },
    };
    const { client } = setUp({ seal }, { format: { ...jsonFormat(), foreign: true } });
    await client.ask(({ data }) => Object.assign(data, { n: 1 }));
    expect(Buffer.from(client.jar.get(name) as string, "base64url").toString()).toContain('\\"n\\":1');
    expect((await client.ask(read)).value).toEqual({ n: 1 });
  });
});
