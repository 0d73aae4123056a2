/** Flask's own session cookie and Node: no store, no Flask-Session. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pinned } from "../../../scripts/flask.ts";
import { flaskCookie } from "../../../src/flask/cookie.ts";
import { createSessions } from "../../../src/index.ts";
import { type FlaskServer, Jar, noFlask, startFlask } from "../../support/flask.ts";
import { reportBackend, reportMissing } from "../../support/report.ts";
import { type Data, type NodeServer, startNode } from "./node.ts";
import { common, flaskConformance, secretKey } from "./suite.ts";

const missing = noFlask !== undefined && reportMissing("flask: cookie", noFlask);
if (!missing) reportBackend({ backend: "flask: cookie", server: `Flask ${pinned("Flask")}` });

const options = () => flaskCookie({ ...common, secretKey });

describe.skipIf(missing)("Flask's own cookie and Node", () => {
  flaskConformance("in the cookie", { format: "cookie", permanent: false, options }, async () => ({
    flask: { type: "cookie" },
    raw: async () => null,
    stop: async () => {},
  }));

  describe("keys", () => {
    let flask: FlaskServer;
    let node: NodeServer;
    const before = "the key of before";
    beforeAll(async () => {
      const config = { SECRET_KEY: secretKey, SECRET_KEY_FALLBACKS: [before] };
      flask = await startFlask({ backend: { type: "cookie" }, config, login: true });
      node = await startNode(createSessions<Data>({ ...flaskCookie({ ...common, secretKey, fallbacks: [before] }) }));
    });
    afterAll(async () => {
      node?.stop();
      await flask?.stop();
    });

    test("a login or logout on one side is seen on the other", async () => {
      const jar = new Jar();
      await flask.do(jar, ["login", "7"]);
      expect((await node.do(jar, ({ subject }) => subject)).value).toBe("7");
      // Another user's login begins empty, so Flask-Login's note that it is fresh is gone as well.
      await node.do(jar, (session) => session.login("8"));
      expect((await flask.do(jar, ["who"])).results).toEqual(["('8', False)"]);
      await flask.do(jar, ["logout"]);
      expect((await node.do(jar, ({ subject }) => subject)).value).toBeUndefined();
    });

    test.each([
      [before, false],
      ["another key altogether", true],
    ])("a cookie signed with %j is a guest's: %s", async (key, refused) => {
      const other = await startNode(createSessions<Data>({ ...flaskCookie({ ...common, secretKey: key }) }));
      const jar = new Jar();
      await other.do(jar, ({ data }) => Object.assign(data, { k: 1 }));
      other.stop();
      expect((await node.do(jar.copy(), ({ isNew }) => isNew)).value).toBe(refused);
      expect((await flask.do(jar.copy(), ["get", "'k'"])).results).toEqual([refused ? "None" : "1"]);
    });

    test("a changed cookie is a guest's, on both sides", async () => {
      const jar = new Jar();
      await node.do(jar, ({ data }) => Object.assign(data, { k: 1 }));
      const [payload = "", ...rest] = jar.value("session")!.split(".");
      jar.set("session", [payload.slice(0, -2) + (payload.endsWith("AA") ? "BB" : "AA"), ...rest].join("."));
      expect((await node.do(jar.copy(), ({ isNew }) => isNew)).value).toBe(true);
      expect((await flask.do(jar.copy(), ["get", "'k'"])).results).toEqual(["None"]);
    });
  });
});
