/** Whole requests under load while a Redis server is killed: what was answered stays, and nobody is logged out. */

import { describe, expect, type TestContext, test } from "vitest";
import { isSessionError } from "../../src/core/contracts/errors.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import { clientPackages, type OpenClient } from "../support/redis-clients.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startCluster, startRedis, startSentinel, until } from "../support/redis-servers.ts";
import { request } from "../support/requests.ts";

const clients = ["redis", "ioredis"];
const missing = redisIsMissing("redis under load", clients);

/** What one store call may take, in milliseconds. Of a server that is there, longer than a busy machine makes it wait. */
const storeTimeout = 3000;
/** What a save may go on merging, in milliseconds. */
const conflictTimeout = 10_000;
/** A request makes at most four store calls beside its merging, and this machine may be busy. */
const bound = conflictTimeout + 4 * storeTimeout + 2000;

interface Data {
  name: string;
  [tab: `tab${number}`]: number;
}

/** A tab of a user's browser: counts in a session that it shares with the user's other tabs. */
interface Tab {
  readonly user: string;
  readonly cookie: string;
  /** The count in the last answer that was no error. */
  sure: number;
  /** Answers since that were errors: each may have counted or not. */
  unsure: number;
  answers: number;
  refusals: number;
}

/** Users who never stop, and everything that went other than promised. */
class Load {
  readonly tabs: Tab[] = [];
  readonly wrong: string[] = [];
  /** The longest that anybody waited for an answer, in milliseconds. */
  longest = 0;
  readonly begun = new Map<string, string>();
  readonly ended: string[] = [];
  readonly sessions: Sessions<Data>;
  #going = true;
  readonly #loops: Promise<void>[] = [];

  constructor(client: RedisClient) {
    const store = redisStore({ client, prefix: "load:" });
    this.sessions = new Sessions<Data>({
      store,
      storeTimeout: storeTimeout / 1000,
      conflictTimeout: conflictTimeout / 1000,
    });
  }

  /** One request, and whether it was answered. A refusal must be a 503 with a code, in time, and leave the cookie. */
  async #ask(what: string, cookie: string | undefined, handler: Parameters<typeof request<Data, unknown>>[2]) {
    const began = performance.now();
    const answer = await request(this.sessions, cookie, handler);
    this.longest = Math.max(this.longest, performance.now() - began);
    const { error, setCookie } = answer;
    if (error === undefined) return answer;
    const typed = isSessionError(error) && /^ERR_SESSION_STORE_(UNAVAILABLE|TIMEOUT)$/.test(error.code);
    if (!typed || error.status !== 503) this.wrong.push(`${what}: ${String(error)}`);
    if (setCookie !== undefined) this.wrong.push(`${what}: a refused request set a cookie`);
    return undefined;
  }

  /** A new session, if the store is there. */
  async begin(name: string, loggedIn: boolean): Promise<string | undefined> {
    const answer = await this.#ask(`${name} begins`, undefined, (session) => {
      session.data.name = name;
      if (loggedIn) session.login(name);
    });
    return answer?.cookie;
  }

  /** Opens so many tabs on a new session and keeps them counting. */
  async open(user: string, { tabs = 1, loggedIn = true } = {}): Promise<void> {
    const cookie = await this.begin(user, loggedIn);
    if (cookie === undefined) throw new Error("there is no store to begin with");
    for (let at = 0; at < tabs; at++) {
      const tab: Tab = { user, cookie, sure: 0, unsure: 0, answers: 0, refusals: 0 };
      this.tabs.push(tab);
      this.#repeat(() => this.#count(tab, `tab${at}`));
    }
  }

  async #count(tab: Tab, key: `tab${number}`): Promise<void> {
    const answer = await this.#ask(tab.user, tab.cookie, ({ data, isNew }) => {
      if (isNew || data.name !== tab.user) return undefined;
      data[key] = (data[key] ?? 0) + 1;
      return data[key];
    });
    if (!answer) {
      tab.unsure += 1;
      tab.refusals += 1;
      return;
    }
    const { value, cookie } = answer;
    if (typeof value !== "number" || cookie !== tab.cookie) this.wrong.push(`${tab.user} is logged out`);
    else if (value <= tab.sure) this.wrong.push(`${tab.user}: ${tab.sure} was answered, now ${value}`);
    else if (value > tab.sure + tab.unsure + 1) this.wrong.push(`${tab.user}: counted twice`);
    else tab.sure = value;
    tab.unsure = 0;
    tab.answers += 1;
  }

  /** People come all the time, and every other one leaves again. */
  comeAndGo(): void {
    let next = 0;
    this.#repeat(async () => {
      const name = `passer-by ${next++}`;
      const cookie = await this.begin(name, true);
      if (cookie === undefined) return;
      this.begun.set(name, cookie);
      if (next % 2 === 0) return;
      const left = await this.#ask(`${name} leaves`, cookie, (session) => session.destroy());
      this.begun.delete(name);
      if (left) this.ended.push(cookie);
    });
  }

  #repeat(work: () => Promise<void>): void {
    const loop = async (): Promise<void> => {
      while (this.#going) {
        await work();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    this.#loops.push(loop());
  }

  /** Waits until each of these tabs had so many more answers that were no error. */
  async answered(more: number, tabs: readonly Tab[] = this.tabs): Promise<void> {
    const goals = tabs.map((tab) => [tab, tab.answers + more] as const);
    await until(`${more} answers`, async () => goals.every(([tab, goal]) => tab.answers >= goal));
  }

  /** Waits until each of these tabs was refused so often more. */
  async refused(more: number, tabs: readonly Tab[] = this.tabs): Promise<void> {
    const goals = tabs.map((tab) => [tab, tab.refusals + more] as const);
    await until(`${more} refusals`, async () => goals.every(([tab, goal]) => tab.refusals >= goal));
  }

  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#loops);
  }

  /** Everybody who began and did not leave is there; whoever left is not. */
  async expectEverybody(): Promise<void> {
    const nameOf = async (cookie: string): Promise<string | undefined> => {
      const { value, error } = await request(this.sessions, cookie, ({ data }) => data.name);
      expect(error).toBeUndefined();
      return value;
    };
    for (const [name, cookie] of this.begun) expect(await nameOf(cookie)).toBe(name);
    for (const cookie of this.ended) expect(await nameOf(cookie)).toBeUndefined();
  }
}

describe.skipIf(missing)("under load", () => {
  /** Everything that is opened is closed with the test, the latest first. */
  const loadOver = (opened: OpenClient, { onTestFinished }: TestContext): Load => {
    const load = new Load(opened.client);
    onTestFinished(() => opened.close());
    onTestFinished(() => load.stop());
    return load;
  };

  test.concurrent.for(clients)(
    "a server killed and restarted keeps every acknowledged write, and %s continues",
    async (name, context) => {
      const server = await startRedis({ persist: true });
      context.onTestFinished(() => server.stop());
      const load = loadOver(await clientPackages[name]!.single(server), context);
      for (let at = 0; at < 5; at++) await load.open(`user ${at}`, { tabs: 2 });
      load.comeAndGo();

      for (let round = 0; round < 2; round++) {
        await load.answered(10);
        await server.kill();
        await load.refused(2);
        // Who does not use the session does not notice.
        const exchange = load.sessions.open({}, { cookie: () => load.tabs[0]!.cookie, secure: () => true });
        expect(exchange.commit(new Headers())).toBeUndefined();
        await server.restart();
      }
      await load.answered(10);
      await load.stop();

      expect(load.wrong).toEqual([]);
      expect(load.longest).toBeLessThan(bound);
      expect(load.begun.size).toBeGreaterThan(2);
      expect(load.ended.length).toBeGreaterThan(2);
      await load.expectEverybody();
    },
  );

  test.concurrent.for(clients)(
    "one lost master of a cluster stops only its sessions, until it is back, through %s",
    async (name, context) => {
      // By default the other masters, too, refuse everything as soon as one is missing.
      const config = { "cluster-require-full-coverage": "no" };
      const cluster = await startCluster(3, { persist: true, config });
      context.onTestFinished(() => cluster.stop());
      const load = loadOver(await clientPackages[name]!.cluster!(cluster), context);
      for (let at = 0; at < 8; at++) await load.open(`anonymous ${at};`, { loggedIn: false });
      for (let at = 0; at < 8; at++) await load.open(`member ${at};`);
      const [other, lost] = cluster.servers as [RedisServer, RedisServer];
      const onLost = await keysOn(lost);
      const hit = load.tabs.filter(({ user }) => onLost.some((key) => key.includes(user)));
      const safe = load.tabs.filter((tab) => !hit.includes(tab));
      expect([hit.length, safe.length].every((count) => count > 0)).toBe(true);

      await load.answered(10);
      await lost.kill();
      await load.refused(2, hit);
      await load.answered(20, safe);
      const notice = async () => /cluster_slots_fail:[1-9]/.test(String(await other.ask("CLUSTER", "INFO")));
      await until("the cluster to notice", notice);
      await load.refused(2, hit);
      await load.answered(20, safe);
      expect(safe.reduce((sum, { refusals }) => sum + refusals, 0)).toBe(0);
      await lost.restart();
      await load.answered(10);
      await load.stop();

      expect(load.wrong).toEqual([]);
      expect(load.longest).toBeLessThan(bound);
    },
  );

  test.concurrent.for(clients)("a Sentinel failover logs no user out, through %s", async (name, context) => {
    const sentinels = await startSentinel();
    context.onTestFinished(() => sentinels.stop());
    const load = loadOver(await clientPackages[name]!.sentinel!(sentinels), context);
    for (let at = 0; at < 5; at++) await load.open(`user ${at}`);
    const master = await sentinels.master();
    await load.answered(10);
    // Replication is asynchronous: what was written last may be lost with the master, and nothing from before.
    const before = load.tabs.map(({ sure }) => sure);
    const written = await offsetOf(master);
    await until("the replica", async () => (await offsetOf(sentinels.servers[1]!)) >= written);
    await master.kill();
    await until("the Sentinel that is asked to know", async () => (await sentinels.master()) !== master);
    await load.answered(10);
    await load.stop();

    expect(load.wrong.filter((what) => !what.includes("was answered"))).toEqual([]);
    for (const [at, tab] of load.tabs.entries()) {
      const { value } = await request(load.sessions, tab.cookie, ({ data }) => data.tab0);
      expect(value).toBeGreaterThanOrEqual(before[at]! + 10);
    }
    expect(load.longest).toBeLessThan(bound);
  });
});

/** What a server holds, as text: each record, each name of an index. */
async function keysOn(server: RedisServer): Promise<string[]> {
  const keys = (await server.ask("KEYS", "*")) as string[];
  const indexes = keys.filter((key) => key.includes(" "));
  const records = keys.filter((key) => !key.includes(" "));
  return [...indexes, ...(await Promise.all(records.map(async (key) => String(await server.ask("GET", key)))))];
}

/** How far a server is in what is written. */
async function offsetOf(server: RedisServer): Promise<number> {
  return Number(/master_repl_offset:(\d+)/.exec(String(await server.ask("INFO", "replication")))?.[1]);
}
