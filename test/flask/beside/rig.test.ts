/** The rig itself: Flask-Session keeps sessions in every backend it has, and they can be looked at from outside. */

import { describe, expect, test } from "vitest";
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

const kinds: readonly Kind<unknown>[] = [redis, memcached, files, sqlite, postgres, mariadb, mongodb, dynamodb];

/** `{"_permanent": True, "k": "v"}` */
const written = {
  msgpack: "82aa5f7065726d616e656e74c3a16ba176",
  pickle: "8005951b000000000000007d94288c0a5f7065726d616e656e7494888c016b948c017694752e",
};

const titled = kinds.map((kind) => ({ kind, title: `Flask-Session with ${kind.name}` }));

describe.each(titled)("$title", ({ kind, title }) => {
  test.skipIf(flaskIsMissing(kind, [], title))(
    "writes a session in its documented form, reads it and removes it",
    async () => {
      const backend = await kind.start();
      const config = { PERMANENT_SESSION_LIFETIME: 3600 };
      const flask = await startFlask({ backend: backend.flask, config });
      try {
        const jar = new Jar();
        await flask.do(jar, ["set", "'k'", "'v'"]);
        const id = jar.value("session")!;
        expect(id).toMatch(/^[\w-]{43}$/);
        expect(Buffer.from((await backend.raw(id))!).toString("hex")).toBe(written[kind.format]);
        const left = await backend.left!(id);
        expect(left).toBeGreaterThan(3500);
        expect(left).toBeLessThanOrEqual(3601);
        expect((await flask.do(jar, ["get", "'k'"])).results).toEqual(["'v'"]);
        await flask.do(jar, ["clear"]);
        expect(await backend.raw(id)).toBeNull();
        expect(jar.value("session")).toBeUndefined();
      } finally {
        await flask.stop();
        await backend.stop();
      }
    },
  );
});
