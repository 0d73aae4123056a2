/** Flask with Flask-Session and Node over one Redis. */

import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { flaskRedis, flaskSession } from "../../../src/flask.ts";
import { createSessions } from "../../../src/index.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { type FlaskServer, Jar, startFlask } from "../../support/flask.ts";
import { clientVersion } from "../../support/report.ts";
import { flaskIsMissing, redis } from "./backends.ts";
import { type Data, type NodeServer, startNode } from "./node.ts";
import { type Backend, common, flaskConformance, secretKey } from "./suite.ts";

const missing = flaskIsMissing(redis, [clientVersion("redis")]);

async function open(prefix?: string): Promise<Backend> {
  const backend = await redis.start(prefix);
  const client = await createClient(backend.at).connect();
  return {
    ...backend,
    store: redisStore({ client, layout: flaskRedis({ keyPrefix: prefix }) }),
    async stop() {
      client.destroy();
      await backend.stop();
    },
  };
}

describe.skipIf(missing)("Flask-Session and Node over Redis", () => {
  flaskConformance("msgpack", { format: "msgpack", options: () => flaskSession(common) }, () => open());

  const other = { format: "json", keyPrefix: "app/", signed: { secretKey }, permanent: false } as const;
  flaskConformance(
    "JSON, signed, another prefix, not permanent",
    {
      format: "json",
      signed: true,
      permanent: false,
      config: { SESSION_KEY_PREFIX: "app/" },
      options: () => flaskSession({ ...common, ...other }),
    },
    () => open("app/"),
  );

  describe("when Flask does not write what it only read (SESSION_REFRESH_EACH_REQUEST)", () => {
    let backend: Backend;
    let flask: FlaskServer;
    let node: NodeServer;
    const events: string[] = [];
    let client: Awaited<ReturnType<typeof connected>>;
    beforeAll(async () => {
      backend = await open();
      const { url } = backend.flask as unknown as { url: string };
      client = await connected(url);
      flask = await startFlask({ backend: backend.flask, config: { SESSION_REFRESH_EACH_REQUEST: false } });
      const sessions = createSessions<Data>({ ...flaskSession(common), store: backend.store, storeTimeout: "30s" });
      sessions.on(({ type }) => events.push(type));
      node = await startNode(sessions);
    });
    afterAll(async () => {
      node?.stop();
      await flask?.stop();
      client?.destroy();
      await backend?.stop();
    });

    test("a logout in Node is not undone by a Flask request that only reads", async () => {
      const jar = new Jar();
      await flask.do(jar, ["set", "'k'", "1"]);
      const id = jar.value("session")!;
      const reading = flask.do(jar.copy(), ["wait", "read"], ["get", "'k'"]);
      await flask.came("read");
      await node.do(jar, (session) => session.destroy());
      await flask.open("read");
      expect((await reading).results).toEqual([null, "1"]);
      expect(await backend.raw(id)).toBeNull();
    });

    test("a session of an older Flask-Session, in pickle under a UUID, continues on both sides", async () => {
      const id = "0f0e0d0c-0b0a-4908-8706-050403020100";
      const pickled = "8004951f000000000000007d94288c0a5f7065726d616e656e7494888c07757365725f6964944b2a752e";
      await client.set(`session:${id}`, Buffer.from(pickled, "hex"), { EX: 3600 });
      const jar = new Jar();
      jar.set("session", id);
      const { value } = await node.do(jar, ({ data, persistent }) => ({ ...data, persistent }));
      expect(value).toEqual({ user_id: 42, persistent: true });
      expect(Buffer.from((await backend.raw(id))!).toString("hex")).toBe(pickled);
      await node.do(jar, ({ data }) => Object.assign(data, { k: "v" }));
      expect(Buffer.from((await backend.raw(id))!)[0]).toBe(0x83); // A map of three, no pickle.
      expect((await flask.do(jar, ["get", "'k'"])).session).toBe("{'_permanent': True, 'user_id': 42, 'k': 'v'}");
    });

    test.each([
      ["no encoding at all", "ff00ff00"],
      ["invalid UTF-8", "81a16ba2c328"],
      ["a pickle that would run a command", "636f730a73797374656d0a285327696427 0a74522e".replace(" ", "")],
      ["nothing", ""],
    ])(
      "a record that is %s is a guest's session and an event for Node, and stays until a logout",
      async (_what, hex) => {
        const jar = new Jar();
        const planted = "B".repeat(43);
        jar.set("session", planted);
        await client.set(`session:${planted}`, Buffer.from(hex, "hex"), { EX: 3600 });
        events.length = 0;
        const { value, status } = await node.do(jar, (session) => {
          session.data.k = 1;
          return session.isNew;
        });
        expect([value, status]).toEqual([true, 200]);
        expect(events).toContain("record_refused");
        expect(jar.value("session")).toBe(planted);
        expect(Buffer.from((await backend.raw(planted))!).toString("hex")).toBe(hex);
        await node.do(jar, (session) => session.destroy());
        expect(jar.value("session")).toBeUndefined();
        expect(await backend.raw(planted)).toBeNull();
      },
    );
  });

  describe("with Flask-Login", () => {
    let backend: Backend;
    let node: NodeServer;
    const running: FlaskServer[] = [];
    const flask = async (protection: string): Promise<FlaskServer> => {
      const config = { SECRET_KEY: secretKey, SESSION_PROTECTION: protection };
      running.push(await startFlask({ backend: backend.flask, config, login: true }));
      return running.at(-1)!;
    };
    beforeAll(async () => {
      backend = await open();
      node = await startNode(
        createSessions<Data>({ ...flaskSession(common), store: backend.store, storeTimeout: "30s" }),
      );
    });
    afterAll(async () => {
      node?.stop();
      for (const one of running) await one.stop();
      await backend?.stop();
    });

    test("a login or logout on one side is seen on the other", async () => {
      const { do: inFlask } = await flask("basic");
      const jar = new Jar();
      await inFlask(jar, ["login", "7"]);
      expect((await node.do(jar, ({ subject }) => subject)).value).toBe("7");
      await node.do(jar, ({ data }) => Object.assign(data, { k: 1 }));
      expect((await inFlask(jar, ["who"])).results).toEqual(["('7', True)"]);
      await inFlask(jar, ["logout"]);
      const { value } = await node.do(jar, ({ subject, data }) => [subject, data.k]);
      expect(value).toEqual([undefined, 1]);
      await node.do(jar, (session) => session.login("8"));
      expect((await inFlask(jar, ["who"])).results).toEqual(["('8', False)"]);
      await node.do(jar, (session) => session.destroy());
      expect((await inFlask(jar, ["who"])).results).toEqual(["(None, False)"]);
    });

    test.each([true, false])("a login by Node passes strong protection, persistent: %s", async (persistent) => {
      const { do: inFlask } = await flask("strong");
      const jar = new Jar();
      await node.do(jar, (session) => session.login("8", { persistent }));
      const known = persistent ? "('8', False)" : "(None, False)";
      expect((await inFlask(jar, ["who"])).results).toEqual([known]);
    });
  });
});

async function connected(url: string) {
  return createClient({ url }).connect();
}
