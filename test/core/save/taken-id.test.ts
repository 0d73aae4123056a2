/** What makes ids makes one twice: an error, and no loop that never ends. */

import { expect, test } from "vitest";
import { randomIds } from "../../../src/core/client/id.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import session from "../../../src/express-session.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

const taken = { code: "ERR_SESSION_CONFLICT", message: expect.stringContaining("the id of the new session is taken") };

test("create() of the option ids that returns an id again is an error, and the other session stays as it is", async () => {
  const ids = randomIds("session:");
  const id = ids.create();
  const sessions = new Sessions({ store: memoryStore(), ids: { ...ids, create: () => id } });
  const first = await request(sessions, undefined, ({ data }) => Object.assign(data, { of: "the first" }));
  const second = await request(sessions, undefined, ({ data }) => Object.assign(data, { of: "the second" }));
  expect(second.error).toMatchObject(taken);
  expect(second.setCookie).toBeUndefined();
  expect((await request(sessions, first.cookie, ({ data }) => data["of"])).value).toBe("the first");
});

test("a genid that returns an id again is an error, and gives no user the session of another", async () => {
  const middleware = session({
    ...{ secret: "s", resave: false, saveUninitialized: false, warn() {} },
    store: memoryStore(),
    genid: () => "always the same",
  });
  const visit = async (of: string): Promise<unknown> => {
    const req = { headers: {}, url: "/", socket: {}, session: undefined as unknown as { of: string; save(): unknown } };
    middleware(req as never, {} as never, () => {});
    req.session.of = of;
    return req.session.save();
  };
  await visit("the first");
  await expect(visit("the second")).rejects.toMatchObject(taken);
});
