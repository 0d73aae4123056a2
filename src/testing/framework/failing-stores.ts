/** Stores that fail. */

import { check, same } from "../store/check.ts";
import { answered, bytes, inGroup, noCookie, refused } from "./answers.ts";
import { type FrameworkCase, type Routes, text } from "./trial.ts";

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

export const storeFailureCases: readonly FrameworkCase[] = inGroup("stores that fail", [
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
