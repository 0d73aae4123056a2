/** The Memcached client that keeps bytes: commands, answers in pieces, lost connections. */

import { createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type MemcachedClient, memcachedClient } from "../../../src/stores/memcached/client.ts";
import { Replies } from "../../../src/stores/memcached/replies.ts";
import {
  type MemcachedServer,
  memcachedProgram,
  memcachedVersion,
  noMemcached,
  startMemcached,
} from "../../support/memcached-servers.ts";
import { reportBackend, reportMissing } from "../../support/report.ts";

if (memcachedProgram) {
  reportBackend({ backend: "memcached", server: memcachedVersion, clients: ["sojourn/stores/memcached/client"] });
}
const lifetime = 100;

describe.skipIf(!memcachedProgram && reportMissing("memcached", noMemcached))("with a server", () => {
  let server: MemcachedServer;
  let client: MemcachedClient;
  beforeAll(async () => {
    server = await startMemcached();
    client = memcachedClient({ server: server.address });
  });
  afterAll(async () => {
    client?.close();
    await server?.stop();
  });

  test("every command returns its answer", async () => {
    expect(await client.item("k")).toBeUndefined();
    expect(await client.touch("k", 5)).toBe(false);
    expect(await client.delete("k")).toBe(false);
    expect(await client.cas("k", "x", { lifetime, cas: "1" })).toBe(false);
    expect(await client.add("k", "täxt", { lifetime, flags: 16 })).toBe(true);
    expect(await client.add("k", "other", { lifetime })).toBe(false);
    const item = await client.item("k");
    expect(item).toMatchObject({ value: new TextEncoder().encode("täxt"), flags: 16 });
    expect(await client.cas("k", Uint8Array.of(0, 255), { lifetime, cas: item!.cas })).toBe(true);
    expect(await client.cas("k", "late", { lifetime, cas: item!.cas })).toBe(false);
    expect(await client.touch("k", 5)).toBe(true);
    const touched = await client.item("k");
    expect(touched).toMatchObject({ value: Uint8Array.of(0, 255), flags: 0 });
    expect(touched!.secondsLeft).toBeLessThanOrEqual(5);
    await client.set("k", "", { lifetime: 0 });
    expect(await client.item("k")).toMatchObject({ value: new Uint8Array(), secondsLeft: undefined });
    expect(await client.delete("k")).toBe(true);
  });

  test("values with line ends and commands in them stay values", async () => {
    for (const value of ["\r\n", "a\r\nVA 5 c1\r\nEN\r\n", "flush_all\r\n", "x".repeat(300_000)]) {
      await client.set("k", value, { lifetime });
      expect(new TextDecoder().decode((await client.item("k"))?.value)).toBe(value);
    }
  });

  test("a thousand parallel commands get each its own answer", async () => {
    const keys = Array.from({ length: 1000 }, (_, index) => `k${index}`);
    await Promise.all(keys.map((key) => client.set(key, `of ${key}`, { lifetime })));
    const items = await Promise.all(keys.map((key) => client.item(key)));
    expect(items.map((item) => new TextDecoder().decode(item?.value))).toEqual(keys.map((key) => `of ${key}`));
  });

  test("an item that is too large is refused by the server, and the connection continues", async () => {
    const large = client.set("k", new Uint8Array(2_000_000), { lifetime });
    const next = client.set("l", "small", { lifetime });
    await expect(large).rejects.toThrow("Memcached answered SERVER_ERROR object too large for cache");
    await next;
    expect(await client.item("l")).toBeDefined();
  });

  test.each(["", "a b", "a\r\nflush_all", "ä", "k".repeat(251), 7 as unknown as string])(
    "an invalid key never reaches the server, and no error contains it: %j",
    async (key) => {
      const calls = [client.item(key), client.add(key, "x", { lifetime }), client.touch(key, 5), client.delete(key)];
      for (const call of await Promise.allSettled(calls)) {
        expect(call).toMatchObject({ status: "rejected", reason: { name: "TypeError" } });
        expect(String((call as PromiseRejectedResult).reason)).not.toContain("flush_all");
      }
    },
  );

  test("invalid numbers never reach the server", async () => {
    const wrong = "1\r\nflush_all" as unknown as number;
    await expect(client.set("k", "x", { lifetime: wrong })).rejects.toThrow(TypeError);
    await expect(client.set("k", "x", { lifetime, flags: 1.5 })).rejects.toThrow(/flags must be a whole number/);
    await expect(client.cas("k", "x", { lifetime, cas: "1 noreply" })).rejects.toThrow(/cas must be a whole number/);
    await expect(client.touch("k", Number.NaN)).rejects.toThrow(/lifetime must be a whole number/);
  });

  test("a closed client rejects later commands, and those without an answer", async () => {
    const own = memcachedClient({ server: server.address });
    await own.set("k", "x", { lifetime });
    const pending = own.item("k");
    own.close();
    await expect(pending).rejects.toThrow("Memcached closed the connection");
    await expect(own.item("k")).rejects.toThrow("The Memcached client is closed");
  });
});

describe("with a faulty server", () => {
  let server: Server;
  const sockets = new Set<Socket>();
  const clients: MemcachedClient[] = [];
  /** What the server does with each thing it is sent. */
  let answer: (socket: Socket, sent: string) => void;
  let client: MemcachedClient;
  beforeAll(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("data", (chunk) => answer(socket, chunk.toString("latin1")));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => server.close());
  afterEach(() => {
    for (const one of clients) one.close();
    for (const socket of sockets) socket.destroy();
  });
  const open = (timeout?: number): MemcachedClient => {
    client = memcachedClient({ server: `127.0.0.1:${(server.address() as { port: number }).port}`, timeout });
    clients.push(client);
    return client;
  };

  test("no answer: every command on the connection rejects, and the next one opens another", async () => {
    answer = () => {};
    open(0.05);
    const calls = await Promise.allSettled([client.item("a"), client.item("b")]);
    for (const call of calls)
      expect(String((call as PromiseRejectedResult).reason)).toMatch(/did not answer within 50/);
    answer = (socket) => socket.write("EN\r\n");
    expect(await client.item("a")).toBeUndefined();
  });

  test("a lost connection rejects waiting commands, and the next one opens another", async () => {
    answer = (socket) => socket.destroy();
    open();
    const calls = await Promise.allSettled([client.item("a"), client.delete("b")]);
    expect(calls.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    answer = (socket) => socket.write("EN\r\n");
    expect(await client.item("a")).toBeUndefined();
  });

  test("nothing listens at the address: the connection's error is the cause, and nothing else is thrown", async () => {
    const nobody = memcachedClient({ server: "127.0.0.1:1" });
    clients.push(nobody);
    await expect(nobody.item("a")).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  });

  test("a connection to a server that does not know a command is closed before a value is taken for commands", async () => {
    answer = (socket) => socket.write("ERROR\r\nERROR\r\n");
    open();
    const [first, second] = await Promise.allSettled([client.item("a"), client.item("b")]);
    expect(String((first as PromiseRejectedResult).reason)).toContain("it must be version 1.6 or later");
    expect(String((second as PromiseRejectedResult).reason)).toContain("Memcached refused a command");
  });

  test.each([
    "HTTP/1.1 200 OK\r\n",
    "VA 3 c1 f0 t9\r\nabcXY",
    "x".repeat(5000),
    "VA 99999999999 c1\r\n",
    "EN\r\nEN\r\n",
  ])("invalid answers are errors: %j", async (text) => {
    answer = (socket) => socket.write(text);
    open();
    const calls = [client.item("secret"), client.item("secret")];
    const errors = (await Promise.allSettled(calls)).filter((one) => one.status === "rejected");
    if (!text.startsWith("EN")) expect(errors).toHaveLength(2);
    for (const { reason } of errors) expect(String(reason)).not.toMatch(/secret|abc|HTTP|xxx/);
  });
});

describe("answers in pieces", () => {
  test("are read the same, wherever they are cut", () => {
    const stream = Buffer.from("HD\r\nVA 4 c1\r\n\r\nVA\r\nEN\r\nVA 0 c2\r\n\r\nSTORED\r\n");
    const whole = [...new Replies().read(stream)];
    expect(whole.map(({ line }) => line)).toEqual(["HD", "VA 4 c1", "EN", "VA 0 c2", "STORED"]);
    for (let cut = 0; cut <= stream.length; cut++) {
      const replies = new Replies();
      const parts = [stream.subarray(0, cut), stream.subarray(cut)].filter((part) => part.length > 0);
      expect(parts.flatMap((part) => [...replies.read(part)])).toEqual(whole);
    }
    const bytes = new Replies();
    expect([...stream].flatMap((byte) => [...bytes.read(Buffer.of(byte))])).toEqual(whole);
  });
});

describe("options", () => {
  test.each(["", "a b:1", "localhost:0", "localhost:65536", "a:1,b:2", "::1", ["a"], 7, null])(
    "server %j is refused",
    (server) => {
      expect(() => memcachedClient({ server: server as string })).toThrow(/server must be "host:port", one server/);
    },
  );

  test.each(["localhost", "cache.example:11212", "[::1]:11211", "[::1]", undefined])(
    "server %j is accepted",
    (server) => {
      memcachedClient({ server }).close();
    },
  );

  test("timeout of the wrong type is refused", () => {
    expect(() => memcachedClient({ timeout: -1 })).toThrow(/timeout must be a duration/);
  });
});
