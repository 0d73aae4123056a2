/** Registration and refresh beside other requests of the same session, in every order of their store calls. */

import { memoryStore } from "sojourn/stores/memory";
import { explore } from "sojourn/testing";
import { describe, expect, test } from "vitest";
import { type DbscClient, signer } from "../support/dbsc-client.ts";
import { type Shop, shop, who } from "./setup.ts";

const keys = [await signer(), await signer()] as const;
const minute = 60_000;

interface Scene {
  /** The browser that is bound: what it holds at the end is up to the test. */
  readonly ada: DbscClient;
  /** One that has not begun: its process is its own, its cookies are those of the browser at the beginning. */
  at(task: number): DbscClient;
  readonly answers: Response[];
  readonly clock: { now: number };
  records(): Promise<string[]>;
  violations(): (string | undefined)[];
}

/** What was signed before the tasks begin: orders are of store calls, and signing takes a thread. */
interface Start {
  /** By the bound key. */
  readonly jwt: string;
  /** The registrations of two keys. */
  readonly shown: readonly [string, string];
}

type Task = (client: DbscClient) => Promise<Response>;

/** Explores tasks that begin with the cookies of one bound browser, each in a process of its own. */
async function together(
  tasks: (start: Start) => Task[],
  check: (scene: Scene) => Promise<void>,
  { sample, pending = false }: { sample?: number; pending?: boolean } = {},
): Promise<number> {
  const { orders, complete } = await explore(
    async (gate) => {
      const clock = { now: 1_800_000_000_000 };
      const inner = memoryStore({ now: () => clock.now });
      const store = gate.store(inner);
      const shops: Shop[] = [];
      const process = (): Shop => {
        const one = shop({ store, clock, options: { renewAfter: "5m", renewGrace: "30s" } });
        shops.push(one);
        return one;
      };
      const ada = await process().client(keys[0]);
      await (pending ? ada.raw("/login", { method: "POST" }) : ada.page("/login", { method: "POST" }));
      if (!pending) await who(ada);
      const challenge = ada.bound?.challenge;
      const jwt = challenge === undefined ? "" : await ada.proof(challenge);
      const jti = ada.offer?.challenge;
      const show = ({ alg, jwk, sign }: (typeof keys)[0]): Promise<string> =>
        sign({ alg, jwk, typ: "dbsc+jwt" }, { jti });
      const start: Start = { jwt, shown: [await show(keys[0]), await show(keys[1])] };
      clock.now += pending ? 1000 : 6 * minute;
      const clients = tasks(start).map(() => {
        const client = ada.copy();
        const { send } = process();
        return Object.assign(client, { send, bound: ada.bound && { ...ada.bound }, offer: ada.offer });
      });
      const answers: Response[] = [];
      const scene: Scene = {
        ada,
        answers,
        clock,
        at: (task) => clients[task] as DbscClient,
        violations: () => shops.flatMap((one) => one.violations()),
        async records() {
          const found: string[] = [];
          for await (const { subject, payload } of inner.list?.() ?? [])
            if (subject === "ada" && !String(payload).startsWith("sojourn-renewed:")) found.push(String(payload));
          return found;
        },
      };
      return {
        tasks: tasks(start).map((task, at) => async () => {
          answers[at] = await task(clients[at] as DbscClient);
        }),
        check: () => check(scene),
      };
    },
    sample === undefined ? {} : { sample },
  );
  if (sample === undefined) expect(complete).toBe(true);
  return orders;
}

const visit: Task = (client) => client.raw("/visit", { method: "POST" });
const logout: Task = (client) => client.raw("/logout", { method: "POST" });
const regenerate: Task = (client) => client.raw("/regenerate", { method: "POST" });

/** The browser that got these answers goes on: with the newest session cookie, and the newest proof and challenge. */
function browserAt({ at, ada }: Scene, session: number, refresh: number): DbscClient {
  const client = at(session);
  for (const name of ["__Host-session-proof"]) {
    const value = at(refresh).jar.get(name);
    if (value !== undefined) client.jar.set(name, value);
  }
  return Object.assign(client, { bound: ada.bound && { ...ada.bound, challenge: undefined } });
}

describe("in every order", { timeout: 120_000 }, () => {
  test("of two refreshes with one challenge, exactly one gets a proof", async () => {
    const orders = await together(
      ({ jwt }) => [(client) => client.ask(jwt), (client) => client.ask(jwt)],
      async (scene) => {
        expect(scene.answers.map(({ status }) => status).sort()).toEqual([200, 403]);
        const winner = scene.answers.findIndex(({ status }) => status === 200);
        const browser = browserAt(scene, winner, winner);
        scene.clock.now += 9 * minute;
        expect(await who(browser)).toBe("ada, bound");
        browser.expire();
        expect(await who(browser)).toBe("ada, bound");
        expect(scene.violations()).toEqual([]);
      },
    );
    expect(orders).toBeGreaterThan(2);
  });

  test("a refresh and a request that saves and renews the id both succeed", async () => {
    const orders = await together(
      ({ jwt }) => [visit, (client) => client.ask(jwt)],
      async (scene) => {
        const [, answer] = scene.answers;
        expect(answer?.status).toBe(200);
        const browser = browserAt(scene, 0, 1);
        scene.clock.now += 9 * minute;
        expect(await (await browser.raw("/visits")).text()).toBe("1");
        browser.expire();
        expect(await who(browser)).toBe("ada, bound");
        expect(scene.violations()).toEqual([]);
        expect(await scene.records()).toHaveLength(1);
      },
    );
    expect(orders).toBeGreaterThanOrEqual(10);
  });

  test("after a refresh and a logout the session is gone, and the browser learns it", async () => {
    await together(
      ({ jwt }) => [logout, (client) => client.ask(jwt)],
      async (scene) => {
        expect(await scene.records()).toEqual([]);
        const late = scene.at(1);
        expect(await who(late)).toBe("guest");
        const again = await late.ask(undefined, scene.ada.bound?.id);
        // A request that was under way may be told to try again first.
        if (again.status === 200) expect(await again.json()).toMatchObject({ continue: false });
        else expect(again.status).toBe(503);
        scene.clock.now += 6 * minute;
        expect(await (await late.ask(undefined, scene.ada.bound?.id)).json()).toMatchObject({ continue: false });
      },
    );
  });

  test("with a refresh and a regenerate the binding stays and is never ended", async () => {
    await together(
      ({ jwt }) => [regenerate, (client) => client.ask(jwt)],
      async (scene) => {
        const answer = scene.answers[1] as Response;
        expect([200, 503]).toContain(answer.status);
        if (answer.status === 200) expect(await answer.json()).not.toHaveProperty("continue");
        const browser = browserAt(scene, 0, 1);
        browser.expire();
        expect(await who(browser)).toBe("ada, bound");
        expect(await scene.records()).toHaveLength(1);
      },
    );
  });

  test("after a refresh and another user's login, the new session is not bound to this key", async () => {
    await together(
      ({ jwt }) => [(client) => client.raw("/login?as=bob", { method: "POST" }), (client) => client.ask(jwt)],
      async (scene) => {
        const bob = scene.at(0);
        expect(await (await bob.raw("/")).text()).toBe("bob");
        expect((await bob.register()).status).toBe(200);
        expect(await who(bob)).toBe("bob, bound");
      },
    );
  });

  test("of two keys presented for one login, exactly one is bound", async () => {
    const orders = await together(
      ({ shown }) => [
        (client) => client.register(shown[0]),
        (client) => Object.assign(client, { key: keys[1] }).register(shown[1]),
        (client) => client.raw("/visit", { method: "POST" }),
      ],
      async (scene) => {
        const statuses = scene.answers.slice(0, 2).map(({ status }) => status);
        expect([...statuses].sort()).toEqual([200, 403]);
        const winner = scene.at(statuses.indexOf(200));
        winner.expire();
        expect(await who(winner)).toBe("ada, bound");
        expect(await (await winner.raw("/visits")).text()).toBe("1");
      },
      { pending: true },
    );
    expect(orders).toBeGreaterThan(50);
  });

  test("after a registration and a logout the session does not come back", async () => {
    await together(
      ({ shown }) => [(client) => client.register(shown[0]), logout],
      async (scene) => {
        expect(await scene.records()).toEqual([]);
        expect(await who(Object.assign(scene.at(0), { bound: undefined }))).toBe("guest");
      },
      { pending: true },
    );
  });

  test("after two refreshes, a request that saves and renews, and a logout, nothing is left", async () => {
    const orders = await together(
      ({ jwt }) => [(client) => client.ask(jwt), visit, logout, (client) => client.ask(jwt)],
      async (scene) => {
        expect(await scene.records()).toEqual([]);
        const renewed = [scene.answers[0], scene.answers[3]].filter((answer) => answer?.headers.has("set-cookie"));
        expect(renewed.length).toBeLessThanOrEqual(1);
      },
      { sample: 1000 },
    );
    expect(orders).toBe(1000);
  });

  test("two refreshes, a request that saves and renews, and another that saves lose nothing", async () => {
    await together(
      ({ jwt }) => [visit, (client) => client.ask(jwt), visit, (client) => client.ask(jwt)],
      async (scene) => {
        const [one, two] = [scene.answers[1]?.status as number, scene.answers[3]?.status as number];
        expect([one, two].sort()).toEqual([200, 403]);
        const browser = browserAt(scene, 0, one === 200 ? 1 : 3);
        scene.clock.now += 1000;
        expect(await (await browser.raw("/visits")).text()).toBe("2");
        browser.expire();
        expect(await who(browser)).toBe("ada, bound");
        expect(scene.violations()).toEqual([]);
      },
      { sample: 400 },
    );
  });
});
