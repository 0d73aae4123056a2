/** Bound sessions served by two processes over one Redis. */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DbscClient, type Send, signer } from "../support/dbsc-client.ts";
import { end, launch, onFreePort } from "../support/processes.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { who } from "./setup.ts";

const program = fileURLToPath(new URL("../support/device-bound-process.ts", import.meta.url));
const missing = redisIsMissing("redis", ["redis"]);

describe.skipIf(missing)("two processes on one Redis", () => {
  let redis: RedisServer;
  const ports: number[] = [];
  const children: Awaited<ReturnType<typeof launch>>[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    for (const _ of [1, 2])
      await onFreePort(async (port) => {
        const args = ["--conditions=sojourn-source", "--no-warnings", program, `${port}`, redis.url];
        children.push(await launch(process.execPath, args, port));
        ports.push(port);
      });
  });
  afterAll(async () => {
    await Promise.all(children.map(end));
    await redis?.stop();
  });

  let turn = 0;
  /** The next request goes to the other process. */
  const send: Send = async (request) => {
    const { pathname } = new URL(request.url);
    const port = ports[turn++ % ports.length];
    return fetch(`http://127.0.0.1:${port}${pathname}`, { method: request.method, headers: request.headers });
  };
  async function bound(): Promise<DbscClient> {
    const client = new DbscClient(send, await signer());
    await client.page("/login", { method: "POST" });
    expect(await who(client)).toBe("ada, bound");
    return client;
  }
  const times = <T>(count: number, what: (n: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => what(n)));

  test("of 40 refreshes with one challenge, one counts", async () => {
    const ada = await bound();
    const jwt = await ada.proof(ada.bound?.challenge as string);
    const copies = await times(40, async () => Object.assign(ada.copy(), { bound: ada.bound }));
    const answers = await Promise.all(copies.map((copy) => copy.ask(jwt)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(39);
    ada.expire();
    expect(await who(ada)).toBe("ada, bound");
  });

  test("of 10 keys presented for one login, one is bound", async () => {
    const first = new DbscClient(send, await signer());
    await first.raw("/login", { method: "POST" });
    const clients = await times(10, async () => Object.assign(first.copy(await signer()), { offer: first.offer }));
    const answers = await Promise.all(clients.map((client) => client.register()));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const winner = clients[answers.findIndex(({ status }) => status === 200)] as DbscClient;
    winner.expire();
    expect(await who(winner)).toBe("ada, bound");
  });

  test("100 requests that save during 10 refreshes are all counted, and the binding holds", async () => {
    const ada = await bound();
    const visits = times(100, () => ada.copy().raw("/visit", { method: "POST" }));
    for (let n = 0; n < 10; n++) {
      ada.expire();
      await ada.refresh();
      expect(ada.bound).toBeDefined();
    }
    for (const answer of await visits) expect(answer.status).toBe(200);
    ada.expire();
    expect(await (await ada.page("/visits")).text()).toBe("100");
  });

  test("a logout during refreshes on both is final, and every browser learns it", async () => {
    const ada = await bound();
    const jwt = await ada.proof(ada.bound?.challenge as string);
    const copies = await times(20, async () => Object.assign(ada.copy(), { bound: ada.bound }));
    const asked = copies.map((copy) => copy.ask(jwt));
    await ada.copy().raw("/logout", { method: "POST" });
    await Promise.all(asked);
    for (const copy of copies) {
      expect(await (await copy.ask(undefined)).json()).toEqual({ session_identifier: ada.bound?.id, continue: false });
      expect(await (await copy.raw("/")).text()).toBe("guest");
    }
  });
});
