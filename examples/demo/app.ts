/** The demo: a small shop whose visitors have sessions. Plain forms, so it works without JavaScript, too. */

import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from "express";
import { createSessions, isSessionError, type Session } from "sojourn";
import { deviceBound } from "sojourn/device-bound";
import { expressSessionErrors, expressSessions } from "sojourn/frameworks/express";
import { type FileStore, fileStore } from "sojourn/stores/file";
import { expressSessionLate, type LateResult, Lates, type OutageResult, outage } from "./experiments.ts";
import { articles, errorPage, page, panel, type StoredSession, users } from "./page.ts";
import { expressSessionRace, keptOf, type RaceResult, runners, sendAll, Traffic } from "./race.ts";
import { keyOf, Watch } from "./watch.ts";

/** What the shop keeps about a visitor. Who is logged in is not among it: that is `session.subject`. */
export interface Visitor {
  visits: number;
  /** How many of each article. */
  cart: Record<string, number>;
  /** For the next page only. */
  notice: string;
  race: { ours: RaceResult; theirs?: RaceResult };
  late: { ours: LateResult; theirs: LateResult };
  outage: OutageResult;
  counter: { run: string; count: number };
  [runner: `runner-${number}`]: string;
}

/** What the list of devices shows of one. */
export interface Device {
  label: string;
}

/** The application, and the store it keeps its sessions in. Over https, sessions are bound to browsers that can do it. */
export function demo(directory: string, https = false): { app: Express; store: FileStore } {
  const watch = new Watch();
  const traffic = new Traffic();
  const lates = new Lates();
  const store = fileStore({ directory });

  const sessions = createSessions<Visitor, Device>({
    store: watch.over(store),
    // Noted at login, for the list of devices.
    describe: ({ headers }: Request) => ({ label: nameOf(headers["user-agent"]) }),
    idleTimeout: "30m",
    absoluteTimeout: "12h",
    // This page is served over plain http. In production leave this line out: the cookie is then Secure and named
    // __Host-session, and a browser lets no other origin set it.
    ...(!https && { cookie: { secure: false } }),
    // A copied cookie is then of use for minutes only.
    ...(https && { deviceBound: deviceBound() }),
  });
  sessions.on(watch.hear);

  const app = express();
  app.disable("x-powered-by");
  app.use(protect);
  app.use(express.static(fileURLToPath(new URL("public", import.meta.url))));

  // Asked by the page now and then. It learns here when its session was ended on another device.
  app.get("/panel", async (req, res) => {
    const stored = await storedSession(req);
    res
      .set({ "Cache-Control": "no-store", "X-User": stored?.subject ?? "" })
      .send(String(panel(watch.logOf(req), stored)));
  });
  app.post("/race/:run/:runner", expressSessions(sessions), async (req, res) => {
    const { run, runner } = req.params;
    if (!/^[a-f0-9]{8}$/.test(run) || !/^\d\d?$/.test(runner)) return void res.sendStatus(400);
    const session = await sessions.get(req);
    if (session.isNew) return void res.sendStatus(400);
    await traffic.dawdle(res);
    session.data[`runner-${Number(runner)}`] = run;
    session.update("counter", (last) => ({ run, count: last?.run === run ? last.count + 1 : 1 }));
    res.sendStatus(204);
  });

  app.use(watch.middleware);
  app.use(expressSessions(sessions));
  app.use(express.urlencoded({ extended: false, limit: "4kb" }));

  app.get("/", async (req, res) => {
    const session = await sessions.get(req);
    session.update("visits", (visits = 0) => visits + 1);
    const devices = session.subject === undefined ? [] : await sessions.list(session.subject, { current: session });
    const notice = session.take("notice");
    const [race, late, outage] = [session.take("race"), session.take("late"), session.take("outage")];
    const asks = req.query.ask !== undefined;
    const seen = panel(watch.logOf(req), await storedSession(req));
    res.send(String(page({ https, session, devices, notice, race, late, outage, asks, panel: seen })));
  });

  app.post("/login", async (req, res) => {
    const user = users.get(field(req, "user"));
    if (user === undefined) return void res.status(400).send(errorPage("There is no such user."));
    const session = await sessions.get(req);
    session.login(field(req, "user"), field(req, "keep") === "on" ? remembered : { persistent: false });
    session.flash("notice", `Welcome, ${user}. Your session has a new id; the cart came along.`);
    res.redirect(303, "/#you");
  });

  app.post("/logout", async (req, res) => {
    const session = await sessions.get(req);
    session.logout();
    session.flash("notice", "You are logged out. The old session is gone, wherever its id was copied to.");
    res.redirect(303, "/#you");
  });

  // Two who help the users: each may act as another one. With sessions bound to browsers there is no acting.
  app.post("/impersonate", async (req, res) => {
    const session = await sessions.get(req);
    const user = users.get(field(req, "user"));
    if (user === undefined || session.subject === undefined || session.actor !== undefined || https)
      return void res.status(400).send(errorPage("Log in first, as yourself."));
    session.impersonate(field(req, "user"));
    session.flash("notice", `You act as ${user}. Events and the list of devices say so.`);
    res.redirect(303, "/#you");
  });

  app.post("/impersonate/end", async (req, res) => {
    (await sessions.get(req)).endImpersonation();
    res.redirect(303, "/#you");
  });

  app.post("/regenerate", async (req, res) => {
    const session = await sessions.get(req);
    session.regenerate();
    session.flash("notice", "A new id and a new key in the store. The old id ended at once.");
    res.redirect(303, "/#you");
  });

  app.post("/cart", async (req, res) => {
    const article = articles.get(field(req, "article"));
    const adds = field(req, "do") === "add";
    if (article === undefined || !(adds || field(req, "do") === "remove")) {
      return void res.status(400).send(errorPage("There is nothing like that."));
    }
    const session = await sessions.get(req);
    session.update("cart", (cart = {}) => changeCart(cart, article.id, adds ? 1 : -1));
    session.flash("notice", adds ? `${article.name} is in your cart.` : `${article.name} was taken out.`);
    res.redirect(303, "/#cart");
  });

  // A stranger may have walked up to an open browser: a payment needs a fresh proof of identity.
  app.post("/pay", async (req, res) => {
    const session = await sessions.get(req);
    session.requireFresh({ within: "1m", methods: ["code"] }); // else to the page that asks: see the error handler
    session.update("cart", () => undefined);
    session.flash("notice", "Paid. For the next minute you are not asked again.");
    res.redirect(303, "/#cart");
  });

  app.post("/confirm", async (req, res) => {
    const session = await sessions.get(req);
    session.confirm({ methods: ["code"] }); // after your own check
    session.flash("notice", "Confirmed, with a new id. Pay within a minute.");
    res.redirect(303, "/#cart");
  });

  // All at once, sent from here over connections of their own: a browser would open six.
  app.post("/race", async (req, res) => {
    if (!(await storedSession(req))) return void res.status(400).send(errorPage("You have no session yet."));
    const run = randomBytes(4).toString("hex");
    const milliseconds = await sendAll((runner) => `${origin(req)}/race/${run}/${runner}`, req.headers.cookie ?? "");
    const theirs = await expressSessionRace();
    finishRace(await sessions.get(req), run, milliseconds, theirs);
    res.redirect(303, "/#race");
  });

  // Sent by the page, which says how long it took.
  app.post("/race/:run", async (req, res) => {
    const milliseconds = Number(field(req, "milliseconds"));
    if (!(milliseconds >= 0 && milliseconds < 600_000))
      return void res.status(400).send(errorPage("How long did it take?"));
    finishRace(await sessions.get(req), req.params.run, milliseconds);
    res.redirect(303, "/#race");
  });

  function finishRace(session: Session<Visitor>, run: string, milliseconds: number, theirs?: RaceResult): void {
    const { data } = session;
    const counter = data.counter?.run === run ? data.counter.count : 0;
    const ours = { kept: keptOf(data, run), counter, milliseconds, atOnce: traffic.takeMost() };
    session.flash("race", theirs ? { ours, theirs } : { ours });
    delete data.counter;
    for (let runner = 0; runner < runners; runner++) delete data[`runner-${runner}`];
  }

  // A request that is slower than the logout, and changes the session after it.
  app.post("/late", async (req, res) => {
    const session = await sessions.get(req);
    if (session.subject === undefined) return void res.status(400).send(errorPage("Log in first."));
    const headers = { cookie: req.headers.cookie ?? "" };
    const late = await lates.run(
      (run) => fetch(`${origin(req)}/late/${run}`, { method: "POST", headers }),
      async () => {
        session.logout();
        await session.save();
      },
    );
    const then = await (await fetch(`${origin(req)}/whoami`, { headers })).text();
    const ours = { status: late.status, setCookie: late.headers.has("set-cookie"), then };
    session.flash("late", { ours, theirs: await expressSessionLate() });
    res.redirect(303, "/#late");
  });
  app.post("/late/:run", async (req, res) => {
    const session = await sessions.get(req);
    if (!(await lates.hold(req.params.run))) return void res.sendStatus(400);
    session.update("cart", (cart = {}) => changeCart(cart, "pot", 1));
    res.send("The late request put a teapot into the cart.");
  });

  app.post("/outage", async (req, res) => {
    const session = await sessions.get(req);
    if (session.isNew) return void res.status(400).send(errorPage("You have no session yet."));
    session.flash("outage", await outage(origin(req), req.headers.cookie ?? "", watch.outage));
    res.redirect(303, "/#outage");
  });
  app.get("/hours", (_req, res) => void res.type("text").send("Open day and night"));

  app.post("/devices/add", async (req, res) => {
    const session = await sessions.get(req);
    if (session.subject === undefined) return void res.status(400).send(errorPage("Log in first."));
    const body = new URLSearchParams({ user: session.subject });
    const headers = { "user-agent": "Mozilla/5.0 (iPhone; another browser) Safari/605.1" };
    await fetch(`${origin(req)}/login`, { method: "POST", body, headers, redirect: "manual" });
    session.flash("notice", "A second browser is logged in as you now.");
    res.redirect(303, "/#devices");
  });

  app.post("/devices/revoke", async (req, res) => {
    const session = await sessions.get(req);
    if (session.subject === undefined) return void res.status(400).send(errorPage("Log in first."));
    const handle = field(req, "handle");
    const isThisOne = handle === session.handle;
    const ended = await sessions.revoke(session.subject, handle === "" ? { except: session.handle } : { handle });
    if (isThisOne) session.logout(); // goes on as a guest, who can have a notice
    session.flash("notice", ended === 1 ? "One session was ended." : `${ended} sessions were ended.`);
    res.redirect(303, "/#devices");
  });

  app.post("/replay", async (req, res) => {
    const session = await sessions.get(req);
    const stored = await storedSession(req);
    if (!stored) return void res.status(400).send(errorPage("You have no session yet."));
    const cookie = `session=${stored.key.slice("session:".length)}`;
    const answer = await fetch(`${origin(req)}/whoami`, { headers: { cookie } });
    session.flash("notice", `The stored key was sent back as a cookie. Answer: “${await answer.text()}”`);
    res.redirect(303, "/#panel");
  });

  app.get("/whoami", async (req, res) => {
    const { isNew, subject } = await sessions.get(req);
    res.type("text").send(isNew ? "no session found" : `${subject ?? "a guest"}, with a session`);
  });

  app.use((_req, res) => void res.status(404).send(errorPage("There is no such page.")));
  app.use(expressSessionErrors());
  app.use(((error, req, res, _next) => {
    if (isSessionError(error) && error.code === "ERR_SESSION_NOT_FRESH") return void res.redirect(303, "/?ask#cart");
    const status = isSessionError(error) ? error.status : Number(error.status) || 500;
    if (status >= 500 && req.headers["x-outage"] !== watch.outage) console.error(error);
    res
      .status(status)
      .send(errorPage(status === 503 ? "The session store does not answer. Please try again." : "That did not work."));
  }) satisfies ErrorRequestHandler);
  return { app, store };

  /** What the store holds for this browser. */
  async function storedSession(req: Request): Promise<StoredSession | undefined> {
    const key = keyOf(req.headers.cookie);
    if (key === undefined) return undefined;
    const record = await store.read(key);
    return record
      ? { key, payload: String(record.payload), expiresAt: record.expiresAt, subject: record.subject }
      : undefined;
  }
}

/** "Stay logged in": a month unused, three in all, with a cookie that the browser keeps. */
const remembered = { persistent: true, idleTimeout: "30d", absoluteTimeout: "90d" } as const;

/** What a user calls such a browser. There are libraries that know more. */
function nameOf(userAgent = ""): string {
  const browser = ["Firefox", "Edg", "Chrome", "Safari"].find((one) => userAgent.includes(one)) ?? "A browser";
  const system = ["Android", "iPhone", "Windows", "Mac OS", "Linux"].find((one) => userAgent.includes(one));
  return system === undefined ? browser : `${browser.replace("Edg", "Edge")} on ${system}`;
}

/** Refuses what another site makes a browser send, and lets the page use nothing but its own files. */
const protect: RequestHandler = (req, res, next) => {
  const { origin, host, "sec-fetch-site": site } = req.headers;
  const sameOrigin = site
    ? site === "same-origin" || site === "none"
    : !origin || origin === `${req.protocol}://${host}`;
  if (req.method !== "GET" && req.method !== "HEAD" && !sameOrigin) {
    return void res.status(403).send("This came from another site.");
  }
  res.set({
    "Content-Security-Policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
  });
  next();
};

function changeCart(cart: Visitor["cart"], article: string, by: number): Visitor["cart"] {
  const count = Math.min(99, (cart[article] ?? 0) + by);
  const { [article]: _, ...others } = cart;
  return count > 0 ? { ...others, [article]: count } : others;
}

/** A field of a form; empty when it is not there, or twice. */
function field(req: Request, name: string): string {
  const value: unknown = (req.body as Record<string, unknown> | undefined)?.[name];
  return typeof value === "string" ? value : "";
}

/** Where this server is reached from here. */
function origin({ socket }: Request): string {
  const address = socket.localFamily === "IPv6" ? `[${socket.localAddress}]` : socket.localAddress;
  return `http://${address}:${socket.localPort}`;
}
