/** The response's own headers, and logins that end or begin with a cookie. */

import { check, same } from "../store/check.ts";
import { answered, cookieName, inGroup, noCookie, sessionCookies, varies } from "./answers.ts";
import { type FrameworkCase, type Reply, type Routes, text, wait } from "./trial.ts";

/** A route that answers with given headers, and changes the session if the query has `a`. */
const withHeaders = (headers: Reply["headers"], status = 200): Routes => ({
  async "/headed"({ session, query }) {
    const { data } = await session();
    if (query.has("a")) data["a"] = query.get("a");
    return text(status === 200 ? "headed" : "", headers, status);
  },
});

const headers = inGroup("headers", [
  {
    name: "a stricter Cache-Control of the application stays",
    async run(trial) {
      const app = await trial.start({ routes: withHeaders([["cache-control", "private, no-store, max-age=0"]]) });
      const answer = await app.client().post("/headed?a=1");
      same(sessionCookies(answer).length, 1, "Set-Cookie headers");
      same(answer.headers.get("cache-control"), "private, no-store, max-age=0", "Cache-Control");
    },
  },
  {
    name: "with a session cookie a public response becomes no-store; without one it stays public",
    async run(trial) {
      const app = await trial.start({ routes: withHeaders([["cache-control", "public, max-age=60"]]) });
      const client = app.client();
      const first = await client.post("/headed?a=1");
      same(first.headers.get("cache-control"), "no-store", "Cache-Control with Set-Cookie");
      const second = await client.post("/headed?a=2");
      noCookie(second);
      same(second.headers.get("cache-control"), "public, max-age=60", "Cache-Control without Set-Cookie");
    },
  },
  {
    name: "Vary: * stays, and other values are kept beside Cookie",
    async run(trial) {
      for (const [given, expected] of [
        ["*", "*"],
        ["Accept", "accept, cookie"],
        ["accept, COOKIE", "accept, cookie"],
      ] as const) {
        const app = await trial.start({ routes: withHeaders([["vary", given]]) });
        const vary = (await app.client().get("/headed")).headers.get("vary") ?? "";
        // Frameworks add names of their own.
        const names = vary.toLowerCase().split(/\s*,\s*/);
        const ours = [...new Set(names)].filter((name) => /^(\*|accept|cookie)$/.test(name)).sort();
        // Beside * the others mean nothing.
        same(ours.includes("*") ? "*" : ours.join(", "), expected, `of Vary: ${vary}`);
      }
    },
  },
  {
    name: "the application's own cookies stay beside the session's",
    async run(trial) {
      const own = [
        ["set-cookie", "one=1; Path=/"],
        ["set-cookie", "two=2; Path=/"],
      ] as const;
      const app = await trial.start({ routes: withHeaders(own) });
      const client = app.client();
      const answer = await client.post("/headed?a=1");
      same(answer.headers.getSetCookie().length, 3, "Set-Cookie headers");
      same([...client.cookies.keys()].sort().join(), [cookieName, "one", "two"].sort().join(), "cookies");
    },
  },
  {
    name: "HEAD gets the headers of GET and no body, and its changes are saved",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      const answer = await client.get("/set?a=1", { method: "HEAD" });
      same(answer.status, 200, "status");
      same(answer.bytes.length, 0, "octets of the body");
      same(sessionCookies(answer).length, 1, "Set-Cookie headers");
      answered(await client.get("/read"), '{"a":"1"}');
    },
  },
  {
    name: "304 and 204 go out without a body, with Vary and cookie",
    async run(trial) {
      for (const status of [304, 204]) {
        const app = await trial.start({ routes: withHeaders([["etag", '"1"']], status) });
        const client = app.client();
        const headers: Record<string, string> = status === 304 ? { "if-none-match": '"1"' } : {};
        const answer = await client.get("/headed?a=1", { headers });
        same(answer.status, status, "status");
        same(answer.bytes.length, 0, "octets of the body");
        same(answer.headers.get("etag"), '"1"', "ETag");
        check(varies(answer), "Vary does not name Cookie");
        same(sessionCookies(answer).length, 1, "Set-Cookie headers");
        answered(await client.get("/read"), '{"a":"1"}');
      }
    },
  },
  {
    name: "a conditional request gets the framework's answer, and Vary",
    async run(trial) {
      const app = await trial.start({ routes: withHeaders([]) });
      const client = app.client();
      const etag = (await client.get("/headed")).headers.get("etag") ?? '"none"';
      const answer = await client.get("/headed", { headers: { "if-none-match": etag } });
      check(answer.status === 304 || answer.text === "headed", `a ${answer.status} with the body "${answer.text}"`);
      same(answer.status === 304 ? answer.bytes.length : 0, 0, "octets of a 304");
      check(varies(answer), "Vary does not name Cookie");
    },
  },
]);

const logins = inGroup("login and logout", [
  {
    name: "login gives a new id, the old one is refused, the data stays",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?cart=book");
      const before = client.cookies.get(cookieName);
      answered(await client.post("/login?as=ada"), "logged in");
      check(client.cookies.get(cookieName) !== before, "the id is the same after the login");
      answered(await client.get("/subject"), "ada");
      answered(await client.get("/read"), '{"cart":"book"}');
      answered(await client.get("/read", { cookie: `${cookieName}=${before}` }), "{}");
    },
  },
  {
    name: "regenerate gives a new id, the old one is refused, the data stays",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?a=1");
      const before = client.cookies.get(cookieName);
      const answer = await client.post("/regenerate");
      same(sessionCookies(answer).length, 1, "Set-Cookie headers");
      answered(await client.get("/read"), '{"a":"1"}');
      answered(await client.get("/read", { cookie: `${cookieName}=${before}` }), "{}");
    },
  },
  {
    name: "logout removes the record, and the cookie with every attribute that browsers require",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/login?as=ada");
      const before = client.cookies.get(cookieName);
      const answer = await client.post("/logout");
      answered(answer, "logged out");
      same(sessionCookies(answer).length, 1, "Set-Cookie headers");
      same(client.refused.join(), "", "cookies a browser refuses");
      same(client.cookies.has(cookieName), false, "the browser has the cookie");
      answered(await client.get("/subject", { cookie: `${cookieName}=${before}` }), "nobody");
    },
  },
  {
    name: "logout without a session sets no cookie; with a stale cookie it removes the cookie",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      noCookie(await client.post("/logout"));
      client.cookies.set(cookieName, "A".repeat(43));
      await client.post("/logout");
      same(client.cookies.has(cookieName), false, "the browser has the cookie");
    },
  },
  {
    name: "a persistent login has a Max-Age, another one ends with the browser",
    async run(trial) {
      const app = await trial.start({
        routes: {
          async "/remember"({ session, query }) {
            (await session()).login("ada", { persistent: query.has("me") });
            return text("ok");
          },
        },
      });
      const [kept = ""] = sessionCookies(await app.client().post("/remember?me"));
      const [passing = ""] = sessionCookies(await app.client().post("/remember"));
      check(/; Max-Age=\d+/.test(kept), "no Max-Age");
      check(!/Max-Age|Expires/i.test(passing), "a Max-Age or Expires");
    },
  },
  {
    name: "revoked sessions end in every browser",
    async run(trial) {
      const app = await trial.start();
      const [phone, laptop] = [app.client(), app.client()];
      await phone.post("/login?as=ada");
      await laptop.post("/login?as=ada");
      await wait(0);
      same(await app.sessions.revoke("ada"), 2, "sessions revoked");
      answered(await phone.get("/subject"), "nobody");
      answered(await laptop.get("/subject"), "nobody");
    },
  },
]);

export const headCases: readonly FrameworkCase[] = [...headers, ...logins];
