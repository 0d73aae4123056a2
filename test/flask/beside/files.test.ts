/** Flask with Flask-Session and Node over one directory of cachelib's. */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { flaskFiles } from "../../../src/flask/files.ts";
import { readPickle } from "../../../src/flask/pickle/read.ts";
import { flaskSession } from "../../../src/flask.ts";
import { createSessions } from "../../../src/index.ts";
import { type FlaskServer, Jar, startFlask } from "../../support/flask.ts";
import { files, flaskIsMissing } from "./backends.ts";
import { type Data, type NodeServer, startNode } from "./node.ts";
import { type Backend, common, flaskConformance, secretKey } from "./suite.ts";

const missing = flaskIsMissing(files);

async function open(prefix?: string): Promise<Backend & { readonly directory: string }> {
  const backend = await files.start(prefix);
  const { directory } = backend.at;
  return { ...backend, directory, store: flaskFiles({ directory }) };
}

/** As `SESSION_TYPE = "cachelib"` is told of the same directory. */
function cachelib(backend: Backend & { readonly directory: string }): Backend {
  const options = { cache_dir: backend.directory, threshold: 0, mode: 0o640 };
  return {
    ...backend,
    flask: { type: "cachelib", cache: "files", options },
    store: flaskFiles({ directory: backend.directory, mode: 0o640 }),
  };
}

describe.skipIf(missing)("Flask-Session and Node over files", () => {
  const options = () => flaskSession({ ...common, format: "pickle" });
  flaskConformance("SESSION_TYPE filesystem", { format: "pickle", options }, () => open());

  const other = { format: "pickle", keyPrefix: "app/", signed: { secretKey }, permanent: false } as const;
  flaskConformance(
    "SESSION_TYPE cachelib, signed, another prefix, not permanent",
    {
      format: "pickle",
      signed: true,
      permanent: false,
      config: { SESSION_KEY_PREFIX: "app/" },
      options: () => flaskSession({ ...common, ...other }),
    },
    async () => cachelib(await open("app/")),
  );

  describe("the directory", () => {
    let backend: Awaited<ReturnType<typeof open>>;
    let flask: FlaskServer;
    let node: NodeServer;
    beforeEach(async () => {
      backend = await open();
      const config = { SESSION_FILE_THRESHOLD: 5 };
      flask = await startFlask({ backend: backend.flask, config });
      node = await startNode(createSessions<Data>({ ...options(), store: backend.store!, storeTimeout: "30s" }));
    });
    afterEach(async () => {
      node?.stop();
      await flask?.stop();
      await backend?.stop();
    });

    const countName = "79bc207ee04a581ab2348ca1f3494e64cd0ec36128735b8c6bc85ddd8fe1938c";
    const count = (): unknown => readPickle(readFileSync(join(backend.directory, countName)).subarray(4));
    const sessions = (): string[] => readdirSync(backend.directory).filter((name) => name !== countName);
    const begin = async (side: FlaskServer | NodeServer): Promise<Jar> => {
      const jar = new Jar();
      if (side === flask) await flask.do(jar, ["set", "'k'", "1"]);
      else await node.do(jar, ({ data }) => Object.assign(data, { k: 1 }));
      return jar;
    };

    test("has one file per session, readable by its owner alone, and cachelib's count is right", async () => {
      const jars = [await begin(flask), await begin(node), await begin(node)];
      expect(sessions()).toHaveLength(3);
      expect(count()).toBe(3);
      for (const name of sessions()) expect(statSync(join(backend.directory, name)).mode & 0o777).toBe(0o600);
      await node.do(jars[0]!, ({ data }) => Object.assign(data, { more: 1 }));
      expect(count()).toBe(3);
      await node.do(jars[0]!, (session) => session.destroy());
      await flask.do(jars[1]!, ["clear"]);
      // A logout leaves a note for five minutes, so that slower requests with the old id begin no session.
      expect(sessions()).toHaveLength(2);
      expect(count()).toBe(2);
      await node.do(jars[2]!, (session) => session.destroy());
      expect(sessions()).toHaveLength(2);
      expect(count()).toBe(2);
    });

    test("over its threshold Flask drops the sessions that expire first, of either side; Node drops none", async () => {
      for (let index = 0; index < 9; index++) await begin(node);
      expect(sessions()).toHaveLength(9);
      expect(count()).toBe(9);
      await begin(flask);
      expect(sessions()).toHaveLength(6);
      expect(count()).toBe(6);
    });

    test("a new id leaves a note for the old one, which is counted as well", async () => {
      const jar = await begin(node);
      const before = count() as number;
      await node.do(jar, (session) => session.regenerate());
      expect(count()).toBe(before + 1);
      expect(sessions()).toHaveLength(before + 1);
      await flask.do(jar, ["clear"]);
      expect(count()).toBe(before);
    });

    test("a session that Flask dropped is gone for Node, and does not come back", async () => {
      const jar = await begin(node);
      const mine = jar.copy();
      await node.do(mine, async ({ data }) => {
        for (let index = 0; index < 8; index++) await begin(flask);
        data.late = 1;
      });
      expect(mine.lines).toEqual([]);
      expect((await node.do(jar, ({ isNew }) => isNew)).value).toBe(true);
    });
  });
});
