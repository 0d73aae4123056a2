/** One dictionary of SESSION_* keys for both sides: the real Flask and Node, over every backend that Flask-Session has. */

import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sessionsFromConfig } from "../../../src/flask/config.ts";
import { Jar, startFlask } from "../../support/flask.ts";
import {
  dynamodb,
  files,
  flaskIsMissing,
  type Kind,
  mariadb,
  memcached,
  mongodb,
  postgres,
  redis,
  sqlite,
} from "./backends.ts";
import { type Data, startNode } from "./node.ts";

/** What Flask is told of a backend, in the words of the rig. */
interface Told {
  readonly type: string;
  readonly url?: string;
  readonly address?: string;
  readonly directory?: string;
  readonly options?: { readonly endpoint_url: string };
}

/** Each backend, and the keys that lead to it. */
const backends: readonly { readonly kind: Kind<unknown>; keys(told: Told): Record<string, unknown> }[] = [
  { kind: redis, keys: ({ url }) => ({ SESSION_REDIS: url }) },
  { kind: memcached, keys: ({ address }) => ({ SESSION_MEMCACHED: address }) },
  { kind: files, keys: ({ directory }) => ({ SESSION_FILE_DIR: directory }) },
  { kind: sqlite, keys: ({ url }) => ({ SQLALCHEMY_DATABASE_URI: url }) },
  { kind: postgres, keys: ({ url }) => ({ SQLALCHEMY_DATABASE_URI: url }) },
  { kind: mariadb, keys: ({ url }) => ({ SESSION_SQLALCHEMY: url }) },
  { kind: mongodb, keys: ({ url }) => ({ SESSION_MONGODB: url }) },
  { kind: dynamodb, keys: ({ options }) => ({ SESSION_DYNAMODB: options?.endpoint_url }) },
];

const titled = backends.map((one) => ({ ...one, title: `one configuration for both sides: ${one.kind.name}` }));

describe.each(titled)("$title", ({ kind, keys, title }) => {
  test.skipIf(flaskIsMissing(kind, ["sojourn/flask/config"], title))(
    "each side reads, changes and ends what the other made",
    async () => {
      const shared = {
        SECRET_KEY: randomBytes(16).toString("hex"),
        SESSION_COOKIE_NAME: "shop",
        SESSION_COOKIE_SECURE: false,
        SESSION_COOKIE_SAMESITE: "Lax",
        SESSION_KEY_PREFIX: "shop:",
        SESSION_USE_SIGNER: true,
        SESSION_ID_LENGTH: 24,
        PERMANENT_SESSION_LIFETIME: 7200,
        SESSION_REFRESH_EACH_REQUEST: false,
      };
      const backend = await kind.start("shop:");
      const { type } = backend.flask;
      const config = { ...shared, SESSION_TYPE: type, ...keys(backend.flask as Told) };
      const warnings: string[] = [];
      const flask = await startFlask({ backend: backend.flask, config: shared });
      const { sessions, close, explanation } = await sessionsFromConfig<Data>(config, {
        warn: (warning) => warnings.push(warning),
      });
      const node = await startNode(sessions);
      try {
        expect(warnings).toEqual([]);
        expect(JSON.stringify(explanation)).not.toContain(shared.SECRET_KEY);
        const jar = new Jar();
        await flask.do(jar, ["set", "'cart'", "['tea']"]);
        const token = jar.value("shop")!;
        const id = token.split(".")[0]!;
        expect(id).toMatch(/^[\w-]{32}$/);
        expect(await backend.left!(id)).toBeGreaterThan(7100);
        await node.do(jar, (session) => session.update("cart", (cart) => [...(cart as string[]), "milk"]));
        expect(await backend.left!(id)).toBeLessThanOrEqual(7201);
        expect((await flask.do(jar, ["get", "'cart'"])).results).toEqual(["['tea', 'milk']"]);
        await node.do(jar, (session) => session.destroy());
        expect(jar.value("shop")).toBeUndefined();
        jar.set("shop", token);
        expect((await flask.do(jar, ["get", "'cart'"])).results).toEqual(["None"]);

        const begun = new Jar();
        await node.do(begun, ({ data }) => Object.assign(data, { from: "node" }));
        expect((await flask.do(begun, ["get", "'from'"], ["clear"])).results[0]).toBe("'node'");
        expect((await node.do(begun, ({ data }) => ({ ...data }))).value).toEqual({});
      } finally {
        node.stop();
        await close();
        await flask.stop();
        await backend.stop();
      }
    },
  );
});
