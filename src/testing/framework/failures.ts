/** Stores that fail, and handlers that fail. */

import { check, same } from "../store/check.ts";
import { answered, bytes, inGroup, noCookie, refused, sessionCookies } from "./answers.ts";
import { BadRequest, type FrameworkCase, type FrameworkTrial, type Routes, type StartedApp, text } from "./trial.ts";

const handlersHeaders = [
  ["x-from", "handler"],
  ["set-cookie", "handler=1"],
  ["etag", '"handler"'],
] as const;

async function* two(): AsyncIterable<string> {
  yield "handler ";
  yield "handler";
}

const routes: Routes = {
  async "/change"({ session, query }) {
    (await session()).data["a"] = query.get("a");
    return text("from the handler", handlersHeaders);
  },
  async "/change-and-go"({ session }) {
    (await session()).data["a"] = "2";
    return { kind: "redirect", location: "/handler" };
  },
  async "/change-and-stream"({ session }) {
    (await session()).data["a"] = "2";
    return { kind: "stream", headers: handlersHeaders, chunks: bytes(two()) };
  },
  async "/anyway"({ session }) {
    const data = await session().then(
      ({ data }) => JSON.stringify(data),
      (error) => `without a session: ${error.code}`,
    );
    return text(data);
  },
  async "/impossible"({ session }) {
    (await session()).data["a"] = () => {};
    return text("from the handler", handlersHeaders);
  },
};

const writes = ["create", "update", "rename", "delete"];

const stores = inGroup("stores that fail", [
  {
    name: "a new session that cannot be saved is a 503, without the handler's response",
    async run(trial) {
      const app = await trial.start({ routes });
      const client = app.client();
      app.fault = () => "throw-before";
      for (const path of ["/change?a=1", "/change-and-go", "/change-and-stream"]) {
        const answer = await client.post(path);
        refused(answer, 503);
        same(answer.headers.get("location"), null, "Location");
        check(answer.complete, "the answer to the error is not complete");
      }
      app.fault = undefined;
      answered(await client.post("/change?a=1"), "from the handler");
    },
  },
  {
    name: "a change that cannot be saved is a 503, and the session and its cookie stay as they were",
    async run(trial) {
      const app = await trial.start({ routes });
      const client = app.client();
      await client.post("/change?a=1");
      app.fault = ({ method }) => (writes.includes(method) ? "throw-before" : "pass");
      for (const path of ["/change?a=2", "/change-and-go", "/change-and-stream"]) refused(await client.post(path), 503);
      app.fault = undefined;
      answered(await client.get("/read"), '{"a":"1"}');
    },
  },
  {
    name: "a login or logout that cannot be saved is a 503, and the cookie stays as it was",
    async run(trial) {
      const app = await trial.start({ routes });
      const client = app.client();
      await client.post("/login?as=ada");
      app.fault = ({ method }) => (writes.includes(method) ? "throw-before" : "pass");
      refused(await client.post("/login?as=grace"), 503);
      refused(await client.post("/logout"), 503);
      app.fault = undefined;
      answered(await client.get("/subject"), "ada");
    },
  },
  {
    name: "a session that cannot be read is a 503, and the user stays logged in",
    async run(trial) {
      const app = await trial.start({ routes });
      const client = app.client();
      await client.post("/login?as=ada");
      app.fault = () => "throw-before";
      const answer = await client.get("/subject");
      same(answer.status, 503, "status");
      noCookie(answer);
      app.fault = undefined;
      answered(await client.get("/subject"), "ada");
    },
  },
  {
    name: "an outage is one line on stderr, with its cause, without a listener",
    async run(trial) {
      const app = await trial.start({ routes, deaf: true });
      const client = app.client();
      await client.post("/change?a=1");
      app.warnings.length = 0;
      app.fault = () => "throw-before";
      await client.get("/read");
      await client.post("/change?a=2");
      same(app.warnings.length, 1, "lines");
      const [line = ""] = app.warnings;
      check(line.startsWith("sojourn: ERR_SESSION_STORE_UNAVAILABLE: the "), `the line is ${line}`);
      check(line.includes("store failed ("), `the line has no cause: ${line}`);
    },
  },
  {
    name: "a handler may answer without the session when it cannot be read",
    async run(trial) {
      const app = await trial.start({ routes });
      const client = app.client();
      await client.post("/set?a=1");
      app.fault = () => "throw-before";
      const answer = await client.get("/anyway");
      answered(answer, "without a session: ERR_SESSION_STORE_UNAVAILABLE");
      noCookie(answer);
    },
  },
  {
    name: "a store that never answers is a 503 within storeTimeout",
    async run(trial) {
      const app = await trial.start({ routes, options: { storeTimeout: "300ms" } });
      const client = app.client();
      await client.post("/change?a=1");
      app.fault = ({ method }) => (method === "read" ? "hang-before" : "pass");
      await inTime(async () => same((await client.get("/read")).status, 503, "status"));
      app.fault = ({ method }) => (method === "create" ? "hang-after" : "pass");
      await inTime(async () => refused(await app.client().post("/change?a=2"), 503));
      app.fault = ({ method }) => (method === "update" ? "hang-before" : "pass");
      await inTime(async () => refused(await client.post("/change?a=2"), 503));
      app.fault = undefined;
      answered(await client.get("/read"), '{"a":"1"}');
    },
  },
  {
    name: "a value that cannot be stored is a 500, and nothing changes",
    async run(trial) {
      const app = await trial.start({ routes });
      const client = app.client();
      await client.post("/change?a=1");
      refused(await client.post("/impossible"), 500);
      answered(await client.get("/read"), '{"a":"1"}');
    },
  },
]);

async function inTime(run: () => Promise<void>): Promise<void> {
  const began = performance.now();
  await run();
  check(performance.now() - began < 2000, `the answer took ${performance.now() - began} ms`);
}

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

const handlers = inGroup("handlers that fail", [
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

export const failureCases: readonly FrameworkCase[] = [...stores, ...handlers];
