/** Routes that may do less with their session than all. */

import { isError } from "../../core/contracts/errors.ts";
import { same } from "../store/check.ts";
import { answered, inGroup, noCookie, refused } from "./answers.ts";
import { type FrameworkCase, type FrameworkTrial, type StartedApp, text } from "./trial.ts";

function restricted(trial: FrameworkTrial): Promise<StartedApp> {
  const app = trial.start({
    routes: {
      async "/may-read"({ request, session }) {
        (await app).sessions.restrict(request, "read");
        return text(JSON.stringify((await session()).data));
      },
      async "/must-not-write"({ request, session, query }) {
        (await app).sessions.restrict(request, "read");
        (await session()).data["a"] = query.get("a");
        return text("from the handler");
      },
      async "/skips"({ request, session }) {
        (await app).sessions.restrict(request, "skip");
        const error = await session().catch((reason: unknown) => reason);
        return text(`${isError(error, "TypeError")}`);
      },
    },
  });
  return app;
}

export const accessCases: readonly FrameworkCase[] = inGroup("access", [
  {
    name: "a route that may only read reads, and writes nothing",
    async run(trial) {
      const app = await restricted(trial);
      const client = app.client();
      await client.post("/set?a=1");
      app.store.reset();
      const answer = await client.get("/may-read");
      answered(answer, '{"a":"1"}');
      noCookie(answer);
      same(JSON.stringify(app.store.calls), '{"read":1}', "store calls");
    },
  },
  {
    name: "a write on a route that may only read is a 500: nothing is saved, no cookie is set",
    async run(trial) {
      const app = await restricted(trial);
      const client = app.client();
      refused(await client.post("/must-not-write?a=1"), 500);
      same(app.store.total, 0, "store calls");
      await client.post("/set?a=1");
      refused(await client.post("/must-not-write?a=2"), 500);
      answered(await client.get("/read"), '{"a":"1"}');
    },
  },
  {
    name: "a route that skips its session costs nothing, and using the session is an error that says so",
    async run(trial) {
      const app = await restricted(trial);
      const client = app.client();
      await client.post("/set?a=1");
      app.store.reset();
      const answer = await client.get("/skips");
      answered(answer, "true");
      noCookie(answer);
      same(app.store.total, 0, "store calls");
    },
  },
]);
