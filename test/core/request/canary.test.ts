/** The canary: after every kind of request, good and bad, no id and no token is in anything that could end up in a log. */

import { subscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { sessionAudit } from "../../../src/audit.ts";
import { type IdScheme, randomIds } from "../../../src/core/client/id.ts";
import { bareToken, sealedToken, signedToken, type TokenFormat } from "../../../src/core/client/token.ts";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { Store } from "../../../src/core/contracts/store.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { encrypted } from "../../../src/core/record/encrypted.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import type { Exchange } from "../../../src/core/request/exchange.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { explain } from "../../../src/explain.ts";
import { type FlaskSessionOptions, flaskSession, flaskToken } from "../../../src/flask.ts";
import { sessionMetrics } from "../../../src/metrics.ts";
import { sessionTelemetry } from "../../../src/otel.ts";
import { memoryStore } from "../../../src/stores/memory.ts";

const secret = "a secret of at least 32 characters, really";
const name = "__Host-session";
const cookie = { prefix: "__Host-" } as const;
const reader = { cookie: (incoming: { cookie?: string | undefined }) => incoming.cookie, secure: () => false };

/** Everything that was said, and everything that must not have been. */
class Canary {
  readonly said: string[] = [];
  readonly secrets = new Set<string>();

  hear(...things: unknown[]): void {
    for (const thing of things) {
      this.said.push(inspect(thing, { depth: 10, showHidden: true, maxStringLength: null, maxArrayLength: null }));
      try {
        this.said.push(String(thing), JSON.stringify(thing) ?? "");
      } catch {
        // Cycles.
      }
      if (thing instanceof Error)
        this.said.push(thing.message, String(thing.stack), inspect(thing.cause, { depth: 10 }));
    }
  }

  /** A secret may show neither whole nor in a part that is worth trying. */
  hide(text: string): void {
    for (let at = 0; at + 16 <= text.length; at += 9) this.secrets.add(text.slice(at, at + 16));
  }

  leaks(): string[] {
    const all = this.said.join("\n");
    // Nearly all secrets are one word: they are looked up among what the words contain, since both are thousands.
    const parts = new Set<string>();
    for (const word of new Set(all.match(/[\w.:%=+/-]{16,}/g))) {
      for (let at = 0; at + 16 <= word.length; at++) parts.add(word.slice(at, at + 16));
    }
    return [...this.secrets].filter((text) => (/^[\w.:%=+/-]+$/.test(text) ? parts.has(text) : all.includes(text)));
  }
}

const canary = new Canary();
/** The codes of all reasons that were given. */
const explanations = new Set<string>();

/** Ids as they are made, before they are hashed or sealed: nobody else sees them. */
function watchedIds(ids: IdScheme = randomIds("session:")): IdScheme {
  return {
    ...ids,
    create() {
      const id = ids.create();
      canary.hide(id);
      return id;
    },
  };
}

/** One request, whatever becomes of it; all of it is heard. */
async function visit(
  sessions: Sessions,
  cookie: string | undefined,
  handler: (session: Session, exchange: Exchange) => unknown,
): Promise<string | undefined> {
  const incoming = { cookie };
  const exchange = sessions.open(incoming, reader);
  const headers = new Headers();
  let failed = false;
  try {
    const session = await sessions.get(incoming);
    canary.hear(session, exchange);
    canary.hear(await handler(session, exchange));
    canary.hear(session, session.data);
  } catch (error) {
    failed = true;
    canary.hear(error);
  }
  try {
    await exchange.commit(headers, { failed });
  } catch (error) {
    canary.hear(error);
    await exchange.commit(headers, { failed: true });
  }
  try {
    await exchange.finish();
  } catch (error) {
    canary.hear(error);
  }
  const explained = await explain(sessions, incoming);
  for (const { code } of explained.reasons) explanations.add(code);
  canary.hear(exchange, sessions, explained);
  const line = headers.getSetCookie().at(-1);
  const token = line?.slice(line.indexOf("=") + 1, line.indexOf(";"));
  if (token) canary.hide(token);
  return token ? `${name}=${token}` : cookie;
}

/** A store whose calls fail, one kind at a time, with errors that say all the client knows. */
function brokenStore(inner: Store): Store & { broken: string | undefined } {
  const store = { ...inner, broken: undefined as string | undefined };
  for (const method of ["read", "create", "update", "touch", "rename", "delete"] as const) {
    const call = inner[method].bind(inner) as (...values: unknown[]) => Promise<never>;
    (store as Record<string, unknown>)[method] = (...values: unknown[]) => {
      if (store.broken === `${method} throws`) throw Object.assign(new Error(inspect(values)), { values });
      if (store.broken === method) return Promise.reject(Object.assign(new Error(inspect(values)), { values }));
      if (store.broken === `${method} hangs`) return new Promise(() => {});
      return call(...values);
    };
  }
  return store;
}

async function everything(
  token: TokenFormat,
  more: Partial<Omit<SessionOptions, "store">>,
  deaf = false,
): Promise<Record<string, number>> {
  let now = 1_800_000_000_000;
  const store = brokenStore(memoryStore({ now: () => now }));
  const warn = (message: string): void => canary.hear(message);
  const options = {
    store,
    now: () => now,
    token,
    ids: watchedIds(),
    renewAfter: "10m",
    storeTimeout: "1ms",
    warn,
  } as const;
  const sessions = new Sessions({ ...options, wait: async () => {}, ...more });
  const events: Record<string, number> = {};
  sessionAudit(sessions, { to: (line, entry) => canary.hear(line, entry), except: [] });
  if (!deaf) {
    sessions.on((event) => {
      events[event.type] = (events[event.type] ?? 0) + 1;
      canary.hear(event);
    });
    sessions.on(() => {
      throw new Error("a listener that fails");
    });
  }
  const change = ({ data }: Session): unknown => Object.assign(data, { n: Number(data["n"] ?? 0) + 1 });

  // The good: created, changed, logged in, renewed, listed, logged out.
  let cookie = await visit(sessions, undefined, change);
  cookie = await visit(sessions, cookie, change);
  const guest = cookie;
  cookie = await visit(sessions, cookie, (session) => session.login("ada", { persistent: true }));
  await visit(sessions, guest, change);
  now += 900_000;
  const old = cookie;
  cookie = await visit(sessions, cookie, change);
  await visit(sessions, cookie, change);
  now += 120_000;
  await visit(sessions, old, change);
  canary.hear(await sessions.list("ada"));

  // The bad: values that cannot be stored, are too large, come too late, or are of the wrong kind.
  await visit(sessions, cookie, ({ data }) => Object.assign(data, { f: () => 1 }));
  await visit(sessions, cookie, ({ data }) => Object.assign(data, { big: "x".repeat(10) }));
  await visit(sessions, undefined, async (session, exchange) => {
    await exchange.commit(new Headers());
    session.data["late"] = true;
  });
  await visit(sessions, cookie, async (session, exchange) => {
    await exchange.commit(new Headers());
    session.regenerate();
  });
  await visit(sessions, cookie, (session) => session.login(5 as never));
  await visit(sessions, cookie, () => {
    throw new Error("the handler's own");
  });
  canary.hear(await sessions.get({ cookie }).catch((error: unknown) => error));
  canary.hear(await sessions.current().catch((error: unknown) => error));

  // The hostile: tokens changed, doubled, cut; keys of the store as tokens.
  const value = String(cookie).slice(name.length + 1);
  const forged = [`${value}x`, value.slice(1), `${value}"`, `"${value}"`, value.toLowerCase(), `${value}.${value}`];
  for (const one of forged) await visit(sessions, `${name}=${one}`, change);
  await visit(sessions, `${cookie}; ${name}=other`, change);

  // The broken: every store call fails, in every way, under reads, writes, logins and logouts.
  for (const method of ["read", "create", "update", "touch", "rename", "delete"]) {
    for (const way of [method, `${method} throws`, `${method} hangs`]) {
      store.broken = undefined;
      const live = await visit(sessions, undefined, (session) => session.login("eve"));
      now += 61_000;
      store.broken = way;
      await visit(sessions, live, () => "a read");
      await visit(sessions, live, change);
      await visit(sessions, live, (session) => session.regenerate());
      await visit(sessions, undefined, change);
      await visit(sessions, live, (session) => session.save());
      await visit(sessions, live, (session) => session.destroy());
      canary.hear(await sessions.revoke("eve").catch((error: unknown) => error));
    }
  }
  store.broken = undefined;

  // Records that cannot be read, and the end of sessions.
  for await (const { key, version, expiresAt } of store.list?.() ?? []) {
    if (key.endsWith("0") || key.endsWith("A") || key.endsWith("g")) continue;
    await store.update(key, { payload: `{"broken":"${key}`, expiresAt }, version);
  }
  await visit(sessions, cookie, change);
  cookie = await visit(sessions, undefined, (session) => session.login("ada"));
  await visit(sessions, cookie, async (session) => {
    canary.hear(await sessions.revoke("ada"));
    change(session);
  });
  cookie = await visit(sessions, undefined, change);
  now += 86_400_000 * 2;
  await visit(sessions, cookie, change);
  cookie = await visit(sessions, undefined, change);
  await visit(sessions, cookie, (session) => session.destroy());
  await visit(sessions, cookie, (session) => session.destroy());
  await visit(sessions, cookie, change);
  return events;
}

const spans = new InMemorySpanExporter();
const register = new Registry();
beforeAll(() => {
  const processors = [new SimpleSpanProcessor({ exporter: spans } as never)];
  const tracer = new TracerProvider({ spanProcessors: processors }).getTracer("canary");
  sessionTelemetry({ tracer, userHash: { secret } });
  sessionMetrics({ register });
});

/** Everything that is published. */
const published = new Map<string, number>();
beforeAll(() => {
  for (const name of ["load", "store", "save", "renew"]) {
    for (const when of ["start", "end", "asyncStart", "asyncEnd", "error"])
      subscribe(`tracing:sojourn:${name}:${when}`, (message) => hearPublished(`${name} ${when}`, message));
  }
  subscribe("sojourn:event", (message) => hearPublished("event", message));
});

function hearPublished(name: string, message: unknown): void {
  published.set(name, (published.get(name) ?? 0) + 1);
  canary.hear(message);
  if (typeof message === "object" && message !== null && "error" in message) canary.hear(message.error);
}

const methods = ["log", "info", "warn", "error", "debug", "trace", "dir"] as const;
beforeAll(() => {
  for (const method of methods)
    vi.spyOn(console, method).mockImplementation((...said: unknown[]) => canary.hear(method, ...said));
});
afterAll(() => vi.restoreAllMocks());

function flask(options: FlaskSessionOptions): Partial<Omit<SessionOptions, "store">> {
  const { ids, token: _, ...rest } = flaskSession(options);
  return { ...rest, ids: watchedIds(ids), renewAfter: false };
}

describe.each<[string, TokenFormat, Partial<Omit<SessionOptions, "store">>]>([
  ["bare tokens", bareToken(), {}],
  ["signed tokens", signedToken(secret), {}],
  ["sealed tokens", sealedToken(secret), { format: encrypted(jsonFormat(), secret) }],
  // The keys of these are the ids: what a store says must not be passed on as it is.
  ["Flask's ids as keys", bareToken(), flask({ cookie })],
  ["Flask's ids as keys without a prefix", bareToken(), flask({ cookie, keyPrefix: "" })],
  ["Flask's UUIDs, signed", flaskToken("secret"), flask({ cookie, ids: "uuid", format: "json", keyPrefix: "s" })],
  ["warnings to the console", bareToken(), { warn: undefined, onError: "save" }],
])("with %s", (_, token, options) => {
  test("no notice, event, channel, metric or trace holds an id, a token or a secret", async () => {
    canary.hide(secret);
    spans.reset();
    const events = await everything(token, options);
    const finished = spans.getFinishedSpans();
    expect(finished.length).toBeGreaterThan(100);
    for (const { name, attributes, events, status } of finished) canary.hear({ name, attributes, events, status });
    canary.hear(await register.metrics());
    expect(canary.leaks()).toEqual([]);
    // It did sing: every kind of event, errors of many codes, and secrets to look for.
    expect(Object.keys(events).length).toBeGreaterThan(9);
    const said = canary.said.join("\n");
    for (const code of ["STORE_UNAVAILABLE", "STORE_TIMEOUT", "NOT_STORABLE", "HEADERS_SENT"]) {
      expect(said).toContain(`ERR_SESSION_${code}`);
    }
    expect(canary.secrets.size).toBeGreaterThan(100);
    for (const name of ["load", "store", "save", "renew"]) {
      expect(published.get(`${name} start`), name).toBeGreaterThan(10);
      expect(published.get(`${name} asyncEnd`), name).toBeGreaterThan(10);
      expect(published.get(`${name} error`), name).toBeGreaterThan(0);
    }
    expect(published.get("event")).toBeGreaterThan(10);
    expect(explanations.size).toBeGreaterThan(9);
    canary.said.length = 0;
  });
});

test("the default warnings for operators hold no id, token or secret", async () => {
  canary.hide(secret);
  for (const options of [{}, flask({ cookie })]) await everything(bareToken(), options, true);
  expect(canary.leaks()).toEqual([]);
  const said = canary.said.join("\n");
  for (const line of ["STORE_UNAVAILABLE: the memory", "STORE_TIMEOUT: the memory", "a save failed with", "plain http"])
    expect(said).toContain(line);
  canary.said.length = 0;
});

test("a leak is found: the canary reads inside errors, causes, lists and options", () => {
  const test = new Canary();
  const id = randomIds("x:").create();
  test.hide(id);
  expect(test.leaks()).toEqual([]);
  for (const leak of [
    new Error(`no ${id}`),
    new Error("x", { cause: new Error("y", { cause: { id } }) }),
    [[[{ id }]]],
    new Map([["x", { id }]]),
    { options: { cookie: `${name}=${id}; Path=/` } },
  ]) {
    test.said.length = 0;
    test.hear(leak);
    expect(test.leaks().length, inspect(leak)).toBeGreaterThan(0);
  }
});
