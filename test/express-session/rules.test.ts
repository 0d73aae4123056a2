/** When express-session stores what and sends which cookie: the real one and the drop-in get the same requests in the same run. */

import session, { expressToken } from "sojourn/express-session";
import { describe, expect, test } from "vitest";
import { seeded } from "../support/random.ts";
import { type Handler, type Req, serve } from "./http.ts";
import { load } from "./packages.ts";

const real = load("express-session");

type Done = (error?: unknown, value?: unknown) => void;

/** A store that notes its calls. It extends the real package's class, as stores from npm do. */
class LoggingStore extends real.Store {
  readonly calls: string[] = [];
  readonly records = new Map<string, string>();
  declare touch?: unknown;

  constructor(touch: boolean) {
    super();
    if (!touch) return;
    this.touch = (id: string, session: object, done: Done) => {
      this.calls.push("touch");
      const stored = this.records.get(id);
      if (stored) this.records.set(id, JSON.stringify({ ...JSON.parse(stored), ...pick(session) }));
      setImmediate(done);
    };
  }

  get(id: string, done: Done): void {
    this.calls.push("get");
    const stored = this.records.get(id);
    setImmediate(done, null, stored && JSON.parse(stored));
  }

  set(id: string, session: object, done: Done): void {
    this.calls.push("set");
    this.records.set(id, JSON.stringify(session));
    setImmediate(done);
  }

  destroy(id: string, done: Done): void {
    this.calls.push("destroy");
    this.records.delete(id);
    setImmediate(done);
  }
}

function pick(session: object): object {
  return { cookie: (session as { cookie: object }).cookie };
}

type Action = (req: Req) => Promise<unknown> | unknown;

const call = (req: Req, method: string): Promise<unknown> =>
  new Promise((resolve) => req.session[method]((error: unknown) => resolve(error)));

const actions: Record<string, Action> = {
  "does nothing": () => {},
  "writes a key": (req) => {
    req.session.added = 1;
  },
  "writes the same value": (req) => {
    req.session.user = "ada";
  },
  "deletes a key": (req) => {
    delete req.session.user;
  },
  "writes inside a value": (req) => {
    req.session.bag = { cookie: 1 };
  },
  touches: (req) => req.session.touch(),
  "changes cookie.maxAge": (req) => {
    req.session.cookie.maxAge = 5000;
  },
  "changes cookie.expires": (req) => {
    req.session.cookie.expires = new Date(Date.now() + 9000);
  },
  "makes it a browser session": (req) => {
    req.session.cookie.expires = null;
  },
  "makes it last longer": (req) => {
    req.session.cookie.maxAge = 120_000;
  },
  saves: (req) => call(req, "save"),
  "writes, then saves": (req) => {
    req.session.added = 1;
    return call(req, "save");
  },
  "saves, then writes": async (req) => {
    await call(req, "save");
    req.session.added = 1;
  },
  "saves twice": async (req) => {
    await call(req, "save");
    await call(req, "save");
  },
  reloads: (req) => call(req, "reload"),
  "writes, then reloads": (req) => {
    req.session.added = 1;
    return call(req, "reload");
  },
  regenerates: (req) => call(req, "regenerate"),
  "regenerates, then writes": async (req) => {
    await call(req, "regenerate");
    req.session.added = 1;
  },
  destroys: (req) => call(req, "destroy"),
  "sets it to null": (req) => {
    req.session = null;
  },
  "deletes it": (req) => {
    delete req.session;
  },
};

/** What packages do, in several steps. */
const habits: Record<string, Action> = {
  "logs in as passport does": async (req) => {
    const before = req.session;
    await call(req, "regenerate");
    for (const key of Object.keys(before)) if (!(key in req.session)) req.session[key] = before[key];
    req.session.passport = { user: 42 };
    await call(req, "save");
  },
  "logs out as passport does": async (req) => {
    delete req.session.passport?.user;
    await call(req, "save");
    await call(req, "regenerate");
  },
};

const optionSets: Record<string, object> = {
  "resave:false saveUninitialized:false": { resave: false, saveUninitialized: false },
  "with maxAge": { resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } },
  "rolling:true": { resave: false, saveUninitialized: false, rolling: true, cookie: { maxAge: 60_000 } },
  "rolling:true without maxAge": { resave: false, saveUninitialized: false, rolling: true },
  "resave:true": { resave: true, saveUninitialized: false },
  "saveUninitialized:true": { resave: false, saveUninitialized: true },
  "both true, with maxAge": { resave: true, saveUninitialized: true, cookie: { maxAge: 60_000 } },
  'unset:"destroy"': { resave: false, saveUninitialized: false, unset: "destroy" },
  "secure cookie over http": { resave: false, saveUninitialized: true, cookie: { secure: true }, warn: () => {} },
  "all attributes": {
    resave: false,
    saveUninitialized: true,
    name: "sid",
    proxy: true,
    cookie: {
      secure: "auto",
      sameSite: "auto",
      domain: "example.com",
      priority: "high",
      partitioned: true,
      httpOnly: false,
    },
  },
  "cookie as a function": {
    resave: false,
    saveUninitialized: true,
    cookie: (req: Req) => ({ path: "/", maxAge: req.url === "/act" ? 30_000 : 20_000, sameSite: true }),
  },
};

/** The cookie of the request under test, made from the one that was set up. */
const cookies: Record<string, (cookie: string) => string | undefined> = {
  "no cookie": () => undefined,
  "a cookie": (cookie) => cookie,
};

/** What is no longer, or never was, a session's. */
const strangers: Record<string, (cookie: string, store: LoggingStore) => string> = {
  "the cookie of an unknown id": (cookie, store) => {
    store.records.clear();
    return cookie;
  },
  "a bad signature": (cookie) => `${cookie.slice(0, -3)}abc`,
  "an unsigned id": (cookie) => cookie.replace("s%3A", "").replace(/\..*$/, ""),
  "an empty value": (cookie) => `${cookie.split("=")[0]}=`,
};

interface Seen {
  readonly calls: readonly string[];
  readonly cookie: string;
  readonly status: number;
  readonly text: string;
  readonly record: unknown;
}

interface Case {
  readonly options: object;
  readonly action: Action;
  readonly touch?: boolean;
  readonly cookie: (cookie: string, store: LoggingStore) => string | undefined;
  readonly answer?: Handler;
}

async function see(make: typeof real, { options, action, cookie, touch = true, answer }: Case): Promise<Seen> {
  const store = new LoggingStore(touch);
  const middleware = make({ secret: "keyboard cat", ...options, store });
  const app = await serve(middleware, async (req, res) => {
    if (req.url === "/begin") req.session.user = "ada";
    else await action(req);
    if (answer) answer(req, res);
    else res.end(req.session ? Object.keys(req.session).sort().join() : String(req.session));
  });
  try {
    const first = await app.send("/begin", undefined, { "x-forwarded-proto": "https" });
    const was = first.cookie ?? forged(store, options);
    const carried = cookie(was, store);
    store.calls.length = 0;
    const reply = await app.send("/act", carried, { "x-forwarded-proto": "https" });
    return {
      calls: [...store.calls],
      cookie: reply.setCookie.map((line) => normal(line, was)).join("\n"),
      status: reply.status,
      text: reply.text,
      record: [...store.records.values()].map((text) => shape(JSON.parse(text))),
    };
  } finally {
    await app.close();
  }
}

/** With a secure cookie over http nothing was sent: the cookie is made by hand. */
function forged(store: LoggingStore, options: { name?: string }): string {
  const [id] = store.records.keys();
  return `${options.name ?? "connect.sid"}=${expressToken("keyboard cat").seal(id as string, "")}`;
}

function normal(line: string, was: string): string {
  const [pair = "", ...attributes] = line.split("; ");
  const id =
    pair === was ? "the same id" : `${pair.split("=")[0]}: a new id of ${decodeURIComponent(pair).length} characters`;
  return [id, ...attributes.map(seconds)].join("; ");
}

function seconds(attribute: string): string {
  const [name, value] = attribute.split("=");
  if (name !== "Expires") return attribute;
  return `Expires in ${Math.round((Date.parse(value as string) - Date.now()) / 5000) * 5} s`;
}

/** A record without the instant it was written at. Key order counts. */
function shape(record: Record<string, unknown> & { cookie: { expires: string | null } }): string {
  const { cookie } = record;
  const expires = cookie.expires && `in ${Math.round((Date.parse(cookie.expires) - Date.now()) / 5000) * 5} s`;
  const age = (cookie as { originalMaxAge?: number | null }).originalMaxAge;
  const originalMaxAge = typeof age === "number" ? Math.round(age / 100) * 100 : age;
  return JSON.stringify({ ...record, cookie: { ...cookie, originalMaxAge, expires } });
}

async function expectSame(one: Case): Promise<void> {
  const [theirs, ours] = await Promise.all([see(real, one), see(session as never, one)]);
  expect(ours).toEqual(theirs);
}

for (const [name, options] of Object.entries(optionSets)) {
  describe(name, () => {
    for (const [which, cookie] of Object.entries(cookies)) {
      test.each(Object.entries(actions))(`${which}, the handler %s`, (_name, action) =>
        expectSame({ options, action, cookie }),
      );
    }
  });
}

describe("a cookie without a session", () => {
  const options = { resave: false, saveUninitialized: false };
  for (const [which, cookie] of Object.entries(strangers)) {
    test.each(["does nothing", "writes a key", "regenerates", "destroys"])(`${which}, the handler %s`, (name) =>
      expectSame({ options, action: actions[name] as Action, cookie }),
    );
  }
});

describe("a store without touch", () => {
  const options = { resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } };
  test.each(Object.entries(actions))("the handler %s", (_name, action) =>
    expectSame({ options, action, touch: false, cookie: (cookie) => cookie }),
  );
});

test.each(["no cookie", "a cookie"])('unset: "destroy" in the middle of a response, %s', (which) =>
  expectSame({
    options: { resave: false, saveUninitialized: false, unset: "destroy" },
    action: actions["sets it to null"] as Action,
    cookie: cookies[which] as Case["cookie"],
    answer: async (_req, res) => {
      res.write("one, ");
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      res.end("two");
    },
  }),
);

describe("how the handler answers", () => {
  const answers: Record<string, Handler> = {
    "in pieces": (_req, res) => {
      res.write("one, ");
      res.end("two");
    },
    "with a length": (_req, res) => {
      res.setHeader("content-length", "3");
      res.end("yes");
    },
    "with nothing": (_req, res) => res.end(),
    "with null": (_req, res) => (res as unknown as { end(chunk: null): void }).end(null),
    "with 304": (_req, res) => res.writeHead(304).end(),
    "with an error": (_req, res) => res.writeHead(500).end("broken"),
    "with cookies of its own": (_req, res) => {
      res.setHeader("set-cookie", "other=1");
      res.end();
    },
    "with cookies in writeHead": (_req, res) => res.writeHead(200, { "set-cookie": "other=1" }).end(),
    "and ends twice": (_req, res) => {
      res.end("once");
      res.end("twice");
    },
    "and sets a header too late": (_req, res) => {
      res.end();
      let said = "nothing thrown";
      try {
        res.setHeader("x-late", "1");
      } catch (error) {
        said = (error as Error).message;
      }
      expect(said).toBe("Cannot set headers after they are sent to the client");
    },
  };
  const options = { resave: false, saveUninitialized: true, cookie: { maxAge: 60_000 } };
  for (const [which, cookie] of Object.entries(cookies)) {
    test.each(Object.entries(answers))(`${which}: %s`, (_name, answer) =>
      expectSame({ options, action: actions["writes a key"] as Action, cookie, answer }),
    );
  }
});

test("a login that sets cookie.maxAge after its save is stored with it", () =>
  expectSame({
    options: { resave: false, saveUninitialized: false },
    action: async (req) => {
      await call(req, "regenerate");
      req.session.user = "eve";
      await call(req, "save");
      req.session.cookie.maxAge = 2_592_000_000;
    },
    cookie: (cookie) => cookie,
  }));

test("any handler of two to four of these does the same, but for the save that express-session repeats", async () => {
  const random = seeded(20_261_130);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const carried = [...Object.entries(cookies), ...Object.entries(strangers)];
  const pool = { ...actions, ...habits };
  for (let round = 0; round < 150; round++) {
    const [set, options] = pick(Object.entries(optionSets));
    const [which, cookie] = pick(carried);
    const names = Array.from({ length: 2 + Math.floor(random() * 3) }, () => pick(Object.keys(pool)));
    const action = async (req: Req): Promise<void> => {
      for (const name of names) if (req.session) await pool[name]?.(req);
    };
    const one: Case = { options, action, cookie, touch: random() < 0.75 };
    const [theirs, ours] = await Promise.all([see(real, one), see(session as never, one)]);
    const repeats = theirs.calls.length - ours.calls.length === 1 && theirs.calls.at(-1) === "set";
    const calls = repeats ? [...ours.calls, "set"] : ours.calls;
    expect({ ...ours, calls }, `${set}, ${which}: ${names.join(", ")}`).toEqual(theirs);
  }
});
