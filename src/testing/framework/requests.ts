/** What requests cost, what they read, and what they save. */

import { check, same } from "../store/check.ts";
import { answered, cookieName, gate, inGroup, noCookie, sessionCookies, varies } from "./answers.ts";
import { type FrameworkCase, text, wait } from "./trial.ts";

const untouched = inGroup("requests that do not use the session", [
  {
    name: "without a cookie: no store call, no Set-Cookie, no Vary",
    async run(trial) {
      const app = await trial.start();
      const answer = await app.client().get("/untouched");
      answered(answer, "untouched");
      same(answer.headers.getSetCookie().length, 0, "Set-Cookie headers");
      check(!varies(answer), "the answer has Vary: Cookie");
      same(app.store.total, 0, "store calls");
    },
  },
  {
    name: "with a session's cookie: no store call, no Set-Cookie, no Vary",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?a=1");
      app.store.reset();
      const answer = await client.get("/untouched");
      answered(answer, "untouched");
      noCookie(answer);
      check(!varies(answer), "the answer has Vary: Cookie");
      same(app.store.total, 0, "store calls");
    },
  },
  {
    name: "are not affected by an outage of the store",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?a=1");
      app.fault = () => "throw-before";
      answered(await client.get("/untouched"), "untouched");
    },
  },
  {
    name: "keep their own status and headers",
    async run(trial) {
      const headers = [
        ["x-own", "1"],
        ["set-cookie", "mine=1"],
        ["cache-control", "max-age=60"],
      ] as const;
      const app = await trial.start({ routes: { "/own": async () => text("", headers, 418) } });
      const answer = await app.client().get("/own");
      same(answer.status, 418, "status");
      for (const [name, value] of headers) same(answer.headers.get(name), value, name);
    },
  },
]);

const reading = inGroup("reading", [
  {
    name: "an anonymous visitor costs no record, no cookie and no store call",
    async run(trial) {
      const app = await trial.start();
      const answer = await app.client().get("/read");
      answered(answer, "{}");
      noCookie(answer);
      check(varies(answer), "Vary does not name Cookie");
      same(app.store.total, 0, "store calls");
    },
  },
  {
    name: "one read, no write, no Set-Cookie, and Vary: Cookie",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?a=1");
      app.store.reset();
      const answer = await client.get("/read");
      answered(answer, '{"a":"1"}');
      noCookie(answer);
      check(varies(answer), "Vary does not name Cookie");
      same(JSON.stringify(app.store.calls), '{"read":1}', "store calls");
    },
  },
  {
    name: "loading it twice, also in parallel, gives the same session and reads once",
    async run(trial) {
      const app = await trial.start({
        routes: {
          async "/twice"({ session }) {
            const [first, second] = await Promise.all([session(), session()]);
            return text(`${first === second && first === (await session())}`);
          },
        },
      });
      const client = app.client();
      await client.post("/set?a=1");
      app.store.reset();
      answered(await client.get("/twice"), "true");
      same(app.store.total, 1, "store calls");
    },
  },
  {
    name: "sessions.current() is the request's session, also when requests overlap",
    needs: "current",
    async run(trial) {
      const app = await trial.start({
        options: { current: true },
        routes: {
          async "/current"({ query }) {
            await wait(Number(query.get("wait")));
            return text(`${(await app.sessions.current()).data["name"]}`);
          },
        },
      });
      const [ada, grace] = [app.client(), app.client()];
      await Promise.all([ada.post("/set?name=ada"), grace.post("/set?name=grace")]);
      const answers = await Promise.all([ada.get("/current?wait=30"), grace.get("/current?wait=10")]);
      same(answers.map((answer) => answer.text).join(), "ada,grace", "names");
    },
  },
  {
    name: "attach: the session is loaded before the handler and found under the name",
    needs: "attach",
    async run(trial) {
      const app = await trial.start({
        attach: "session",
        routes: {
          async "/attached"({ request }) {
            const { session } = request as { session: { data: Record<string, unknown> } };
            session.data["seen"] = "yes";
            return text(JSON.stringify(session.data));
          },
        },
      });
      const client = app.client();
      await client.post("/set?a=1");
      answered(await client.get("/attached"), '{"a":"1","seen":"yes"}');
      answered(await client.get("/read"), '{"a":"1","seen":"yes"}');
    },
  },
  {
    name: "attach: an outage while loading is a 503, and the cookie stays",
    needs: "attach",
    async run(trial) {
      const app = await trial.start({ attach: "session" });
      const client = app.client();
      await client.post("/set?a=1");
      app.fault = () => "throw-before";
      const answer = await client.get("/untouched");
      same(answer.status, 503, "status");
      noCookie(answer);
      app.fault = undefined;
      answered(await client.get("/read"), '{"a":"1"}');
    },
  },
  {
    name: "the body of a request is complete when the session is loaded first",
    async run(trial) {
      const app = await trial.start({
        routes: {
          async "/echo"({ session, body }) {
            await session();
            await wait(10);
            return text(`${(await body()).length}`);
          },
        },
      });
      const client = app.client();
      await client.post("/set?a=1");
      answered(await client.post("/echo", { body: "x".repeat(200_000) }), "200000");
    },
  },
]);

const writing = inGroup("writing", [
  {
    name: "the first change makes a session: one record, one cookie, no-store",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      const answer = await client.post("/set?a=1");
      answered(answer, "saved");
      same(sessionCookies(answer).length, 1, "Set-Cookie headers");
      const [line = ""] = sessionCookies(answer);
      for (const attribute of ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"]) {
        check(line.includes(attribute), `Set-Cookie lacks ${attribute}`);
      }
      same(answer.headers.get("cache-control"), "no-store", "Cache-Control");
      check(varies(answer), "Vary does not name Cookie");
      same(JSON.stringify(app.store.calls), '{"create":1}', "store calls");
      answered(await client.get("/read"), '{"a":"1"}');
    },
  },
  {
    name: "a later change is saved and sends no cookie",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?a=1");
      app.store.reset();
      const answer = await client.post("/set?b=2");
      answered(answer, "saved");
      noCookie(answer);
      same(JSON.stringify(app.store.calls), '{"read":1,"update":1}', "store calls");
      answered(await client.get("/read"), '{"a":"1","b":"2"}');
    },
  },
  {
    name: "a value set to what it was is not written",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?a=1");
      app.store.reset();
      answered(await client.post("/set?a=1"), "saved");
      same(JSON.stringify(app.store.calls), '{"read":1}', "store calls");
    },
  },
  {
    name: "no byte of the response is sent before the save is done",
    async run(trial) {
      const app = await trial.start();
      const saved = gate();
      app.fault = ({ method }) => (method === "create" ? { late: saved.opened } : "pass");
      const client = app.client();
      let early = true;
      const opening = client.open("/set?a=1", { method: "POST" }).then((incoming) => {
        check(!early, "the head of the response left before the save was done");
        return incoming;
      });
      opening.catch(() => {});
      while (app.store.total === 0) await wait(5);
      await wait(50);
      early = false;
      saved.open();
      answered(await (await opening).rest(), "saved");
    },
  },
  {
    name: "the page after the redirect of a login sees it, with a store that takes 300 ms",
    async run(trial) {
      const app = await trial.start({
        routes: {
          async "/sign-in"({ session }) {
            (await session()).login("ada");
            return { kind: "redirect", location: "/subject" };
          },
        },
      });
      app.delay = 300;
      const client = app.client();
      const answer = await client.post("/sign-in");
      same(answer.status, 302, "status");
      check(answer.headers.get("location")?.endsWith("/subject") === true, "Location is not /subject");
      same(sessionCookies(answer).length, 1, "Set-Cookie headers");
      answered(await client.get("/subject"), "ada");
    },
  },
  {
    name: "an id that the server never issued is not adopted",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      const planted = "A".repeat(43);
      client.cookies.set(cookieName, planted);
      const read = await client.get("/read");
      answered(read, "{}");
      noCookie(read);
      await client.post("/set?a=1");
      check(client.cookies.get(cookieName) !== planted, "the session got the id that the client brought");
    },
  },
  {
    name: "a Secure cookie causes one warning over plain http, and none over https",
    async run(trial) {
      const app = await trial.start({ deaf: true });
      const [one, two] = [app.client(), app.client()];
      await one.post("/set?a=1");
      await two.post("/set?a=1");
      same(app.warnings.length, one.secure ? 0 : 1, "warnings");
    },
  },
  {
    name: "a cookie that browsers drop is an event instead of a warning where the application listens",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?a=1");
      const told = app.events.filter(({ type }) => type === "cookie_dropped");
      same(told.length, client.secure ? 0 : 1, "events");
      same(app.warnings.length, 0, "warnings");
    },
  },
]);

export const requestCases: readonly FrameworkCase[] = [...untouched, ...reading, ...writing];
