/** Handlers that fail, and what they changed before. */

import { check, same } from "../store/check.ts";
import { answered, inGroup, noCookie, sessionCookies } from "./answers.ts";
import { BadRequest, type FrameworkCase, type FrameworkTrial, type Routes, type StartedApp, text } from "./trial.ts";

const failing: Routes = {
  async "/throw"({ session }) {
    (await session()).data["a"] = "2";
    throw new Error("a mistake in the handler");
  },
  async "/throw-400"({ session }) {
    (await session()).data["a"] = "2";
    throw new BadRequest("the handler refuses");
  },
  async "/status"({ session, query }) {
    (await session()).data["a"] = "2";
    return text("answered", [], Number(query.get("is")));
  },
  async "/save-and-throw"({ session }) {
    const one = await session();
    one.data["a"] = "2";
    await one.save();
    one.data["b"] = "3";
    throw new Error("a mistake in the handler");
  },
};

/** An application with a session that holds `a: "1"`. */
async function started(
  trial: FrameworkTrial,
  onError?: "save",
): Promise<[StartedApp, ReturnType<StartedApp["client"]>]> {
  const discarding: Routes = {
    async "/discard"({ request, session, query }) {
      const one = await session();
      one.data["a"] = "2";
      if (query.has("logout")) one.destroy();
      app.sessions.discard(request);
      return text("answered");
    },
  };
  const app = await trial.start({ routes: { ...failing, ...discarding }, options: { onError } });
  const client = app.client();
  await client.post("/set?a=1&user=Ada");
  return [app, client];
}

const unchanged = '{"a":"1","user":"Ada"}';
const changed = '{"a":"2","user":"Ada"}';

export const handlerFailureCases: readonly FrameworkCase[] = inGroup("handlers that fail", [
  {
    name: "one that throws changes nothing, and begins no session",
    async run(trial) {
      const [app, client] = await started(trial);
      const answer = await client.post("/throw");
      check(answer.status >= 500, `status ${answer.status}`);
      noCookie(answer);
      answered(await client.get("/read"), unchanged);
      app.store.reset();
      noCookie(await app.client().post("/throw"));
      same(app.store.total, 0, "store calls");
    },
  },
  {
    name: "one that answers 500 changes nothing",
    async run(trial) {
      const [, client] = await started(trial);
      const answer = await client.post("/status?is=500");
      same(answer.status, 500, "status");
      same(answer.text, "answered", "body");
      noCookie(answer);
      answered(await client.get("/read"), unchanged);
    },
  },
  {
    name: "one that answers 404 has not failed: its changes are saved",
    async run(trial) {
      const [, client] = await started(trial);
      same((await client.post("/status?is=404")).status, 404, "status");
      answered(await client.get("/read"), changed);
    },
  },
  {
    name: "one that discards and answers 200 changes nothing and begins no session; a logout is carried out",
    async run(trial) {
      const [app, client] = await started(trial, "save");
      answered(await client.post("/discard"), "answered");
      answered(await client.get("/read"), unchanged);
      noCookie(await app.client().post("/discard"));
      answered(await client.post("/discard?logout"), "answered");
      answered(await client.get("/read"), "{}");
    },
  },
  {
    name: "one whose error becomes a 400 changes nothing",
    needs: "error page",
    async run(trial) {
      const [, client] = await started(trial);
      same((await client.post("/throw-400")).status, 400, "status");
      answered(await client.get("/read"), unchanged);
    },
  },
  {
    name: "the error page can read the session",
    needs: "error page",
    async run(trial) {
      const [, client] = await started(trial);
      same((await client.post("/throw")).text, 'error page: no code; user: "Ada"', "body");
    },
  },
  {
    name: "a save before the error stays, and its cookie is sent",
    needs: "error page",
    async run(trial) {
      const [app] = await started(trial);
      const client = app.client();
      const answer = await client.post("/save-and-throw");
      same(answer.status, 500, "status");
      same(sessionCookies(answer).length, 1, "Set-Cookie headers");
      answered(await client.get("/read"), '{"a":"2"}');
    },
  },
  {
    name: 'with onError: "save" the changes are kept',
    needs: "error page",
    async run(trial) {
      const [, client] = await started(trial, "save");
      same((await client.post("/throw")).status, 500, "status");
      answered(await client.get("/read"), changed);
    },
  },
  {
    name: 'with onError: "save" a 500 of the handler keeps its changes',
    async run(trial) {
      const [, client] = await started(trial, "save");
      same((await client.post("/status?is=500")).status, 500, "status");
      answered(await client.get("/read"), changed);
    },
  },
  {
    name: 'with onError: "save" a failed save is an error, and is not repeated for the error response',
    async run(trial) {
      const [app, client] = await started(trial, "save");
      app.store.reset();
      app.fault = ({ method }) => (method === "update" ? "throw-before" : "pass");
      const answer = await client.post("/status?is=404");
      same(answer.status, 503, "status");
      same(app.store.calls.update, 1, "tries");
    },
  },
]);
