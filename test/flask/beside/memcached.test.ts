/** Flask with Flask-Session and Node over one Memcached: pymemcache there, the client that keeps bytes here. */

import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { flaskMemcached, flaskSession } from "../../../src/flask.ts";
import { createSessions } from "../../../src/index.ts";
import { type MemcachedClient, memcachedClient } from "../../../src/stores/memcached/client.ts";
import { memcachedStore } from "../../../src/stores/memcached.ts";
import { type FlaskServer, Jar, startFlask } from "../../support/flask.ts";
import { flaskIsMissing, memcached } from "./backends.ts";
import { type Data, type NodeServer, startNode } from "./node.ts";
import { type Backend, common, flaskConformance, secretKey } from "./suite.ts";

const missing = flaskIsMissing(memcached, ["sojourn/stores/memcached/client"]);

async function open(prefix?: string): Promise<Backend & { readonly client: MemcachedClient }> {
  const backend = await memcached.start(prefix);
  const client = memcachedClient({ server: backend.at.address });
  return {
    ...backend,
    client,
    store: memcachedStore({ client, layout: flaskMemcached() }),
    async stop() {
      client.close();
      await backend.stop();
    },
  };
}

describe.skipIf(missing)("Flask-Session and Node over Memcached", () => {
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

  describe("items of other programs", () => {
    let backend: Backend & { readonly client: MemcachedClient };
    let flask: FlaskServer;
    let node: NodeServer;
    beforeAll(async () => {
      backend = await open();
      // The default of Flask-Session, beyond the thirty days that Memcached counts from now.
      flask = await startFlask({ backend: backend.flask });
      node = await startNode(
        createSessions<Data>({
          ...flaskSession({ cookie: { secure: false } }),
          store: backend.store!,
          storeTimeout: "30s",
        }),
      );
    });
    afterAll(async () => {
      node?.stop();
      await flask?.stop();
      await backend?.stop();
    });

    test("31 days, which Memcached takes for a timestamp, are 31 days on both sides", async () => {
      const jar = new Jar();
      await flask.do(jar, ["set", "'k'", "1"]);
      const days = async (): Promise<number> => (await backend.left!(jar.value("session")!)) / 86_400;
      expect(await days()).toBeCloseTo(31, 2);
      await node.do(jar, ({ data }) => Object.assign(data, { mine: 1 }));
      expect(await days()).toBeCloseTo(31, 2);
      expect((await flask.do(jar)).session).toBe("{'_permanent': True, 'k': 1, 'mine': 1}");
    });

    test("a session of an older Flask-Session, in pickle protocol 0, continues on both sides", async () => {
      const id = "0f0e0d0c-0b0a-4908-8706-050403020100";
      await backend.client.set(`session:${id}`, "(dp0\nV_permanent\np1\nI01\nsVk\np2\nVv\np3\ns.", { lifetime: 3600 });
      const jar = new Jar();
      jar.set("session", id);
      const { value } = await node.do(jar, ({ data, persistent }) => {
        const found = { ...data, persistent };
        data.mine = 1;
        return found;
      });
      expect(value).toEqual({ k: "v", persistent: true });
      expect((await flask.do(jar)).session).toBe("{'_permanent': True, 'k': 'v', 'mine': 1}");
    });

    test("while Memcached is unreachable no user is logged out, and afterwards sessions continue", async () => {
      // Somebody at the door who says nothing.
      const mute = createServer((socket) => socket.on("error", () => {}));
      await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
      const client = memcachedClient({ server: `127.0.0.1:${(mute.address() as { port: number }).port}` });
      const store = memcachedStore({ client, layout: flaskMemcached() });
      const options = { ...flaskSession({ cookie: { secure: false } }), store, storeTimeout: "100ms" } as const;
      const lame = await startNode(createSessions<Data>(options));
      try {
        const jar = new Jar();
        await flask.do(jar, ["set", "'k'", "1"]);
        const id = jar.value("session");
        const code = "ERR_SESSION_STORE_TIMEOUT";
        await expect(lame.do(jar, ({ data }) => data.k)).rejects.toMatchObject({ code });
        expect(jar.value("session")).toBe(id);
        expect((await node.do(jar, ({ data }) => data.k)).value).toBe(1);
      } finally {
        lame.stop();
        client.close();
        mute.close();
      }
    });
  });
});
