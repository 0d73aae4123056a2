/** Users: how long they are remembered, how they leave, and when they are asked again. */

import { check, same } from "../store/check.ts";
import { answered, inGroup, refused, sessionCookies } from "./answers.ts";
import { type Ask, type FrameworkCase, type Reply, type Routes, text } from "./trial.ts";

const day = 86_400_000;

async function remember({ session }: Ask): Promise<Reply> {
  (await session()).login("ada", { persistent: true, idleTimeout: "30d", absoluteTimeout: "90d" });
  return text("remembered");
}

const routes: Routes = {
  async "/leave"({ session, query }) {
    const current = await session();
    current.logout({ keep: ["lang"] });
    current.flash("notice", "bye");
    if (query.has("fails")) throw new Error("from the handler");
    return text("left");
  },
  async "/notice"({ session }) {
    const current = await session();
    return text(`${current.subject ?? "nobody"} ${String(current.take("notice"))} ${String(current.data["lang"])}`);
  },
  async "/pay"({ session }) {
    (await session()).requireFresh({ within: "5m", methods: ["otp"] });
    return text("paid by the handler");
  },
  async "/confirm"({ session }) {
    (await session()).confirm({ methods: ["otp"] });
    return text("confirmed");
  },
};

/** What applications with users need, through the framework's own requests and responses. */
export const peopleCases: readonly FrameworkCase[] = inGroup("people", [
  {
    name: "a user who is remembered has a cookie that lasts as long as the session, and is listed with the device",
    async run(trial) {
      const asked: object[] = [];
      let handed: object | undefined;
      const describe = (request: object): { label: string } => {
        asked.push(request);
        return { label: "a browser" };
      };
      const app = await trial.start({
        options: { describe },
        routes: {
          async "/remember"(ask) {
            handed = ask.request;
            return remember(ask);
          },
        },
      });
      const client = app.client();
      const answer = await client.post("/remember");
      answered(answer, "remembered");
      check(
        sessionCookies(answer).some((line) => line.includes("Max-Age=2592000;")),
        "the cookie does not last 30 days",
      );
      const [device] = await app.sessions.list("ada");
      same(JSON.stringify(device?.device), '{"label":"a browser"}', "device");
      same(Math.round(((device?.expiresAt ?? 0) - Date.now()) / day), 30, "days until it ends");
      await client.get("/read");
      same(asked.length, 1, "calls of describe");
      // Where handlers may ask by several objects, it is one from which the headers can be read.
      const own = asked[0] === handed || "headers" in (asked[0] as object) || "request" in (asked[0] as object);
      check(own, "describe was not given the request that handlers have");
    },
  },
  {
    name: "after a logout that keeps something the next page is a guest's, with a notice, and the old cookie is no session",
    async run(trial) {
      const app = await trial.start({ routes });
      const client = app.client();
      await client.post("/login?as=ada");
      await client.post("/set?lang=da&role=admin");
      const before = [...client.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      answered(await client.post("/leave"), "left");
      answered(await client.get("/notice"), "nobody bye da");
      answered(await client.get("/read"), '{"lang":"da"}');
      answered(await client.get("/subject", { cookie: before }), "nobody");
      same((await app.sessions.list("ada")).length, 0, "sessions of ada");
    },
  },
  {
    name: "a logout that keeps something is final even if the handler then fails",
    async run(trial) {
      const app = await trial.start({ routes });
      const client = app.client();
      await client.post("/login?as=ada");
      same((await client.post("/leave?fails")).status, 500, "status");
      answered(await client.get("/subject"), "nobody");
      same((await app.sessions.list("ada")).length, 0, "sessions of ada");
    },
  },
  {
    name: "a user without a recent proof is refused with 401, and accepted after a confirmation, with a new id",
    async run(trial) {
      const app = await trial.start({ routes });
      const client = app.client();
      refused(await client.post("/pay"), 401);
      await client.post("/login?as=ada");
      refused(await client.post("/pay"), 401);
      const answer = await client.post("/confirm");
      answered(answer, "confirmed");
      check(sessionCookies(answer).length > 0, "a confirmation did not renew the id");
      answered(await client.post("/pay"), "paid by the handler");
    },
  },
]);
