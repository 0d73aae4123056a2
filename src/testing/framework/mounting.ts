/** Several sessions in one application, and requests that only an attacker sends. */

import { isError } from "../../core/contracts/errors.ts";
import { Sessions } from "../../core/request/sessions.ts";
import { memoryStore } from "../../stores/memory.ts";
import { countedStore, faultyStore } from "../faults.ts";
import { check, same } from "../store/check.ts";
import { answered, cookieName, inGroup, noCookie, sessionCookies } from "./answers.ts";
import { type FrameworkCase, type FrameworkTrial, type StartedApp, text } from "./trial.ts";

/** An application with a second kind of session, whose store fails when `broken` says so. */
async function besideEachOther(
  trial: FrameworkTrial,
  order: "first" | "last",
): Promise<StartedApp & { broken: boolean }> {
  const store = countedStore(faultyStore(memoryStore(), () => (state.broken ? "throw-before" : "pass")));
  const others = new Sessions({ store, cookie: { name: "other" }, warn: () => {} });
  const app = await trial.start({
    mount: (sessions) => (order === "first" ? [others, sessions] : [sessions, others]),
    routes: {
      async "/both"({ request, session, query }) {
        (await session()).data["a"] = query.get("a");
        (await others.get(request)).data["b"] = query.get("b");
        return text("from the handler");
      },
      async "/other"({ request }) {
        return text(JSON.stringify({ ...(await others.get(request)).data }));
      },
    },
  });
  const state = Object.assign(app, { broken: false });
  return state;
}

const mounting = inGroup("mounting", [
  {
    name: "mounted twice: one read, one save, one cookie",
    async run(trial) {
      const app = await trial.start({ mount: (sessions) => [sessions, sessions] });
      const client = app.client();
      same(sessionCookies(await client.post("/set?a=1")).length, 1, "Set-Cookie headers");
      same(app.store.total, 1, "store calls");
      app.store.reset();
      answered(await client.post("/set?b=2"), "saved");
      same(JSON.stringify(app.store.calls), '{"read":1,"update":1}', "store calls");
    },
  },
  {
    name: "two kinds of session side by side: each has its cookie and its data",
    async run(trial) {
      for (const order of ["first", "last"] as const) {
        const app = await besideEachOther(trial, order);
        const client = app.client();
        answered(await client.post("/both?a=1&b=2"), "from the handler");
        same([...client.cookies.keys()].sort().join(), "__Host-other,__Host-session", "cookies");
        answered(await client.get("/read"), '{"a":"1"}');
        answered(await client.get("/other"), '{"b":"2"}');
        answered(await client.post("/both?a=3&b=4"), "from the handler");
        answered(await client.get("/read"), '{"a":"3"}');
        answered(await client.get("/other"), '{"b":"4"}');
      }
    },
  },
  {
    name: "of two kinds of session one cannot be saved: a 503, and the cookie of the saved one is sent",
    async run(trial) {
      for (const order of ["first", "last"] as const) {
        const app = await besideEachOther(trial, order);
        const client = app.client();
        app.broken = true;
        const answer = await client.post("/both?a=1&b=2");
        same(answer.status, 503, "status");
        check(!/handler/.test(answer.text), "the handler's body was sent");
        check(!client.cookies.has("__Host-other"), "a cookie was sent for the session that was not saved");
        const created = app.events.some((event) => event.type === "session_created");
        same(client.cookies.has(cookieName), created, "the browser has the cookie of the session that was saved");
        app.broken = false;
        answered(await client.get("/other"), "{}");
        answered(await client.get("/read"), created ? '{"a":"1"}' : "{}");
      }
    },
  },
  {
    name: "using sessions that are not mounted is an error that says so",
    async run(trial) {
      const strange = new Sessions({ store: memoryStore(), warn: () => {} });
      const app = await trial.start({
        routes: {
          async "/strange"({ request }) {
            const error = await strange.get(request).catch((reason: unknown) => reason);
            return text(`${isError(error, "TypeError") && /adapter/.test(error.message)}`);
          },
        },
      });
      answered(await app.client().get("/strange"), "true");
    },
  },
]);

const junk = Array.from({ length: 600 }, (_, index) => `junk${index}="=;,%${index}`).join("; ");

const hostile = inGroup("hostile cookies", [
  {
    name: "a session is found in 15,000 octets of other cookies",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?a=1");
      const cookie = `${junk.slice(0, 14_000)}; ${cookieName}=${client.cookies.get(cookieName)}; z${cookieName}=x`;
      answered(await client.get("/read", { cookie }), '{"a":"1"}');
    },
  },
  {
    name: "text that cannot be an id never reaches the store, and is no error",
    async run(trial) {
      const app = await trial.start();
      const values = [
        "",
        '""',
        "x",
        "%00%0d%0a",
        "../../etc/passwd",
        "A".repeat(42),
        "A".repeat(44),
        "A".repeat(8000),
        "__proto__",
      ];
      for (const value of values) {
        const answer = await app.client().get("/read", { cookie: `${cookieName}=${value}` });
        answered(answer, "{}");
        noCookie(answer);
      }
      same(app.store.total, 0, "store calls");
    },
  },
  {
    name: "two session cookies of different value are both refused",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?a=1");
      const own = client.cookies.get(cookieName);
      const cookie = `${cookieName}=${"A".repeat(43)}; ${cookieName}=${own}`;
      const answer = await client.get("/read", { cookie });
      answered(answer, "{}");
      noCookie(answer);
    },
  },
]);

export const mountingCases: readonly FrameworkCase[] = [...mounting, ...hostile];
