/** Requests of one session at the same time. */

import { check, same } from "../store/check.ts";
import { answered, cookieName, type Gate, gate, inGroup, noCookie } from "./answers.ts";
import { type FrameworkCase, type Routes, text } from "./trial.ts";

const parallel = 100;

/** A route that changes the session after it was told to. */
const slow = (loaded: Gate, proceed: Gate): Routes => ({
  async "/slow"({ session }) {
    const { data } = await session();
    loaded.open();
    await proceed.opened;
    data["late"] = "yes";
    return text("slow");
  },
});

export const raceCases: readonly FrameworkCase[] = inGroup("requests at the same time", [
  {
    name: `${parallel} parallel requests that each set another key keep all keys`,
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?start=0");
      const keys = Array.from({ length: parallel }, (_, index) => `k${index}`);
      const answers = await Promise.all(keys.map((key) => client.post(`/set?${key}=1`)));
      for (const answer of answers) answered(answer, "saved");
      const { start, ...rest } = JSON.parse((await client.get("/read")).text) as Record<string, string>;
      same(start, "0", "what was there before");
      same(Object.keys(rest).length, parallel, "keys");
    },
  },
  {
    name: `${parallel} parallel requests that each add 1 with update count exactly`,
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/count");
      await Promise.all(keysOf(parallel).map(() => client.post("/count")));
      answered(await client.get("/read"), `{"count":${parallel + 1}}`);
    },
  },
  {
    name: "a logout is final: a slower request does not bring the session back, and sets no cookie",
    async run(trial) {
      const [loaded, proceed] = [gate(), gate()];
      const app = await trial.start({ routes: slow(loaded, proceed) });
      const client = app.client();
      await client.post("/login?as=ada");
      const before = client.cookies.get(cookieName);
      const slower = client.post("/slow");
      await loaded.opened;
      await client.post("/logout");
      proceed.open();
      const answer = await slower;
      answered(answer, "slow");
      noCookie(answer);
      same(client.cookies.has(cookieName), false, "the browser has the cookie");
      answered(await client.get("/read", { cookie: `${cookieName}=${before}` }), "{}");
      check(
        app.events.some((event) => event.type === "save_refused"),
        "there was no event save_refused",
      );
    },
  },
  {
    name: "a login is final: a slower request with the old id does not revive it, and sets no cookie",
    async run(trial) {
      const [loaded, proceed] = [gate(), gate()];
      const app = await trial.start({ routes: slow(loaded, proceed) });
      const client = app.client();
      await client.post("/set?a=1");
      const before = client.cookies.get(cookieName);
      const slower = client.post("/slow");
      await loaded.opened;
      await client.post("/login?as=ada");
      proceed.open();
      const answer = await slower;
      answered(answer, "slow");
      noCookie(answer);
      answered(await client.get("/subject"), "ada");
      answered(await client.get("/read", { cookie: `${cookieName}=${before}` }), "{}");
    },
  },
]);

function keysOf(length: number): string[] {
  return Array.from({ length }, (_, index) => `k${index}`);
}
