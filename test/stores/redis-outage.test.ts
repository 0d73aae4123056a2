/** The Redis store when answers are lost, servers restart and processes come and go. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import { type RedisClient, type RedisCommandClient, redisStore } from "../../src/stores/redis.ts";
import { connectionOf } from "../../src/stores/shared/redis-client.ts";
import { clientPackages } from "../support/redis-clients.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisGroup, type RedisServer, startCluster, startRedis } from "../support/redis-servers.ts";

const missing = redisIsMissing("redis", ["redis", "ioredis"]);
const record = (payload: string, subject?: string): StoreRecord => {
  return { payload, expiresAt: Date.now() + 600_000, subject };
};

let server: RedisServer;
let cluster: RedisGroup;
beforeAll(async () => {
  if (!missing) [server, cluster] = await Promise.all([startRedis(), startCluster()]);
});
afterAll(() => Promise.all([server?.stop(), cluster?.stop()]));

describe.skipIf(missing)("when an answer is lost", () => {
  beforeEach(async () => {
    await server.ask("FLUSHALL");
  });

  test.each([undefined, "ada"])("ioredis sends the write again, and it counts once (subject %s)", async (subject) => {
    const line = await lossyLine(server.port);
    const client = new Redis({ host: server.host, port: line.port, retryStrategy: () => 10 });
    client.on("error", () => {});
    try {
      const store = redisStore({ client });
      const losing = <T>(work: () => Promise<T>): Promise<T> => line.loseNextAnswer(work);
      await everyScriptOnce(store);

      const created = await losing(() => store.create("a", record("1", subject)));
      expect(created).not.toBeNull();
      const updated = await losing(() => store.update("a", record("2", subject), created!));
      expect(updated).not.toBeNull();
      expect(await losing(() => store.touch("a", Date.now() + 700_000, subject))).toBe(true);
      const renamed = await losing(() => store.rename("a", "b", record("3", subject), updated!));
      expect(renamed).not.toBeNull();
      expect(await store.read("b")).toMatchObject({ payload: "3", version: renamed });
      expect(await store.read("a")).toBeNull();
      await losing(() => store.delete("b", subject));
      expect(line.lost).toBe(5);
      expect(await server.ask("DBSIZE")).toBe(0);
    } finally {
      client.disconnect();
      line.close();
    }
  });

  test("node-redis rejects the write, which may be done, and continues", async () => {
    const line = await lossyLine(server.port);
    const { client, close } = await clientPackages.redis!.single({ ...server, url: `redis://127.0.0.1:${line.port}` });
    try {
      const store = redisStore({ client });
      const version = await store.create("a", record("1"));
      await expect(line.loseNextAnswer(() => store.update("a", record("2"), version!))).rejects.toThrow(/[Ss]ocket/);
      expect((await store.read("a"))?.payload).toBe("2");
      expect(await store.update("a", record("3"), version!)).toBeNull();
    } finally {
      await close();
      line.close();
    }
  });

  describe.each(["one server", "a cluster"])("every command sent twice counts once, on %s", (where) => {
    test.each([undefined, "ada"])("with subject %s", async (subject) => {
      const opened = await (where === "a cluster"
        ? clientPackages.ioredis!.cluster!(cluster)
        : clientPackages.ioredis!.single(server));
      try {
        const store = redisStore({ client: twice(opened.client), prefix: `${subject}:` });
        const created = await store.create("a", record("1", subject));
        const updated = await store.update("a", record("2", subject), created!);
        const renamed = await store.rename("a", "b", record("3", subject), updated!);
        expect(await store.read("b")).toMatchObject({ payload: "3", version: renamed });
        expect(await store.read("a")).toBeNull();
        expect(await store.touch("b", Date.now() + 700_000, subject)).toBe(true);

        expect(await store.create("b", record("taken", subject))).toBeNull();
        expect(await store.update("b", record("stale", subject), created!)).toBeNull();
        expect(await store.rename("b", "c", record("stale", subject), created!)).toBeNull();
        expect(await store.read("c")).toBeNull();
        await store.delete("b", subject);
        expect(await store.read("b")).toBeNull();
      } finally {
        await opened.close();
      }
    });
  });

  test("a process that dies during a rename on a cluster leaves both sessions or the new one, never none", async () => {
    const opened = await clientPackages.redis!.cluster!(cluster);
    try {
      const store = redisStore({ client: opened.client, prefix: "crash:" });
      const left: string[] = [];
      for (let commands = 0; commands <= 6; commands++) {
        const [from, to] = [`from${commands}`, `to${commands}`];
        const version = await store.create(from, record("old", "ada"));
        const dying = redisStore({ client: dyingAfter(commands, opened.client), prefix: "crash:" });
        await dying.rename(from, to, record("new", "ada"), version!).catch(() => {});
        const listed = new Set<string>();
        for await (const { key } of store.listBySubject!("ada")) listed.add(key);
        const live: string[] = [];
        for (const key of [from, to]) if (await store.read(key)) live.push(key);
        left.push(live.map((key) => (key === from ? "from" : "to")).join(" and "));
        for (const key of live) expect(listed).toContain(key);
        await Promise.all([store.delete(from, "ada"), store.delete(to, "ada")]);
      }
      // Enters the index; creates; ends the old one (by a mark, its removal, the index).
      expect(left).toEqual(["from", "from", "from and to", "to", "to", "to", "to"]);
    } finally {
      await opened.close();
    }
  });
});

describe.skipIf(missing)("a session renamed while its subject is listed", () => {
  test.each([
    ["after the index was read", (command: string) => command.startsWith("EVAL")],
    [
      "when its new name was found empty, and its old one not yet read",
      (_: string, key: string) => key.endsWith(":to"),
    ],
  ])("is found: %s", async (title, isMoment) => {
    const opened = await clientPackages.ioredis!.cluster!(cluster);
    try {
      const prefix = `${title.length}:`;
      const { command, cluster: spread } = connectionOf(opened.client);
      const store = redisStore({ client: opened.client, prefix });
      const version = await store.create("from", record("1", "ada"));
      // The index names the new key before there is a record.
      await redisStore({ client: dyingAfter(1, opened.client), prefix })
        .rename("from", "to", record("2", "ada"), version!)
        .catch(() => {});

      let renamed: Promise<unknown> | undefined;
      const client: RedisCommandClient = {
        cluster: spread,
        async command(key, args) {
          if (key.endsWith(":from")) await renamed;
          const reply = await command(key, args as string[]);
          if (!renamed && isMoment(String(args[0]), key)) {
            renamed = store.rename("from", "to", record("2", "ada"), version!);
            expect(await renamed).not.toBeNull();
          }
          return reply;
        },
      };
      // Before `from` is asked for, `to` must have been.
      const inOrder: RedisCommandClient = { ...client, command: queued(client.command) };
      const rows: string[] = [];
      for await (const { key } of redisStore({ client: inOrder, prefix }).listBySubject!("ada")) rows.push(key);
      expect(renamed).toBeDefined();
      expect(rows).toEqual(["to"]);
    } finally {
      await opened.close();
    }
  });
});

describe.skipIf(missing)("when the server", () => {
  test.each(["redis", "ioredis"])("restarts, %s reconnects and sessions continue", async (name) => {
    const server = await startRedis({ persist: true });
    const { client, close } = await clientPackages[name]!.single(server);
    try {
      const store = redisStore({ client });
      const created = await store.create("a", record("1", "ada"));
      const updated = await store.update("a", record("2", "ada"), created!);
      await server.restart();
      const again = await store.update("a", record("3", "ada"), updated!);
      expect(again).not.toBeNull();
      expect(await store.touch("a", Date.now() + 700_000, "ada")).toBe(true);
      expect(await store.rename("a", "b", record("4", "ada"), again!)).not.toBeNull();
      expect((await store.read("b"))?.payload).toBe("4");
    } finally {
      await close();
      await server.stop();
    }
  });

  test.each([
    [
      "redis",
      "client.destroy()",
      `import { createClient } from "redis"; const client = await createClient({ url }).connect();`,
    ],
    ["ioredis", "client.disconnect()", `import { Redis } from "ioredis"; const client = new Redis(url);`],
  ])("has answered and %s is closed, the process exits by itself", async (_name, close, open) => {
    const server = await startRedis();
    try {
      const script = `
        import { redisStore } from "sojourn/stores/redis";
        const url = process.argv[1];
        ${open}
        const store = redisStore({ client });
        const version = await store.create("a", { payload: "1", expiresAt: Date.now() + 60000, subject: "ada" });
        await store.update("a", { payload: "2", expiresAt: Date.now() + 60000, subject: "ada" }, version);
        for await (const row of store.listBySubject("ada")) console.log(row.payload);
        ${close};`;
      const args = ["--conditions=sojourn-source", "--input-type=module", "-e", script, server.url];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
      const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      const [code, signal] = await once(child, "close");
      clearTimeout(killer);
      expect({ code, signal, output }).toEqual({ code: 0, signal: null, output: "2\n" });
    } finally {
      await server.stop();
    }
  });
});

/** A client that sends every command twice and gives the second answer, as one does that lost the first. */
function twice(client: RedisClient): RedisCommandClient {
  const connection = connectionOf(client);
  return {
    cluster: connection.cluster,
    async command(key, args) {
      await connection.command(key, args as string[]).catch(() => {});
      return connection.command(key, args as string[]);
    },
  };
}

/** One command after the other, those for the key `to` first of those that come at once. */
function queued(command: RedisCommandClient["command"]): RedisCommandClient["command"] {
  let before: Promise<unknown> = Promise.resolve();
  return async (key, args) => {
    if (!key.endsWith(":to")) await new Promise((resolve) => setImmediate(resolve));
    const mine = before.then(() => command(key, args));
    before = mine.catch(() => {});
    return mine;
  };
}

/** A client that sends so many commands and no more. */
function dyingAfter(commands: number, client: RedisClient): RedisCommandClient {
  const connection = connectionOf(client);
  let left = commands;
  return {
    cluster: connection.cluster,
    async command(key, args) {
      if (left-- <= 0) throw new Error("the process is dead");
      return connection.command(key, args as string[]);
    },
  };
}

/** A line to a server that can be made to lose the next answer, and the connection with it. */
async function lossyLine(port: number): Promise<{
  readonly port: number;
  readonly lost: number;
  loseNextAnswer<T>(work: () => Promise<T>): Promise<T>;
  close(): void;
}> {
  let losing = false;
  let lost = 0;
  const sockets = new Set<Socket>();
  const line = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    const cut = (): void => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", cut).on("close", cut);
    }
    near.on("data", (data) => far.write(data));
    far.on("data", (data) => {
      if (!losing) near.write(data);
      else {
        losing = false;
        lost += 1;
        cut();
      }
    });
  }).listen(0, "127.0.0.1");
  await once(line, "listening");
  return {
    port: (line.address() as { port: number }).port,
    get lost() {
      return lost;
    },
    async loseNextAnswer(work) {
      losing = true;
      return work();
    },
    close() {
      line.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function everyScriptOnce(store: Store): Promise<void> {
  const version = await store.create("x", record("1", "xa"));
  await store.touch("x", Date.now() + 700_000, "xa");
  await store.rename("x", "y", record("2", "xb"), version!);
  for await (const row of store.listBySubject!("xb")) await store.delete(row.key, "xb");
}
