/** The drop-in over a store without compare-and-swap, while a write is on its way: nothing that was answered is lost. */

import { Store, session } from "sojourn/express-session";
import { expect, test } from "vitest";
import { type Req, serve, until } from "./http.ts";

type Done = (error?: unknown, value?: unknown) => void;

/** Holds writes that are to be held; a touch reads the session and writes it as a whole, as session-file-store does. */
class SlowStore extends (Store as unknown as new () => object) {
  readonly kept = new Map<string, string>();
  held: (() => void)[] | undefined;

  get(id: string, done: Done): void {
    const text = this.kept.get(id);
    setImmediate(done, null, text && JSON.parse(text));
  }

  set(id: string, data: object, done: Done): void {
    const write = (): void => {
      this.kept.set(id, JSON.stringify(data));
      setImmediate(done);
    };
    if (this.held) this.held.push(write);
    else write();
  }

  touch(id: string, { cookie }: { cookie: object }, done: Done): void {
    const text = this.kept.get(id);
    const write = (): void => {
      if (text) this.kept.set(id, JSON.stringify({ ...JSON.parse(text), cookie }));
      setImmediate(done);
    };
    if (this.held) this.held.push(write);
    else write();
  }

  destroy(id: string, done: Done): void {
    this.kept.delete(id);
    setImmediate(done);
  }
}

async function setUp() {
  const store = new SlowStore();
  let loaded = 0;
  let go: Promise<void> = Promise.resolve();
  const middleware = session({
    secret: "keyboard cat",
    resave: false,
    saveUninitialized: false,
    store: store as never,
  });
  const app = await serve(middleware as never, async (req: Req, res) => {
    loaded += 1;
    const key = req.url?.slice(1);
    if (key?.startsWith("waits")) await go;
    if (key !== "" && key !== "read") req.session[key as string] = 1;
    const { cookie: _, ...data } = req.session;
    res.end(JSON.stringify(data));
  });
  return {
    store,
    app,
    loaded: () => loaded,
    /** Holds the handlers whose path begins with "waits". */
    hold(): () => void {
      let release = (): void => {};
      go = new Promise((resolve) => {
        release = resolve;
      });
      return release;
    },
  };
}

test("a session that is loaded while a write is on its way does not undo it", async () => {
  const { store, app, loaded, hold } = await setUp();
  try {
    const { cookie } = await app.send("/begun");
    store.held = [];
    const first = app.send("/first", cookie);
    await until(() => store.held?.length === 1);
    const release = hold();
    const second = app.send("/waits", cookie);
    await until(() => loaded() === 3);
    store.held.splice(0)[0]?.();
    store.held = undefined;
    expect((await first).status).toBe(200);
    release();
    expect((await second).status).toBe(200);
    expect(JSON.parse((await app.send("/read", cookie)).text)).toEqual({ begun: 1, first: 1, waits: 1 });
  } finally {
    await app.close();
  }
});

test("a touch that writes the whole session does not undo a write on its way", async () => {
  const { store, app, loaded } = await setUp();
  try {
    const { cookie } = await app.send("/begun");
    store.held = [];
    const read = app.send("/read", cookie);
    await until(() => store.held?.length === 1);
    const second = app.send("/second", cookie);
    await until(() => loaded() === 3);
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
    // The write first, where both are on their way.
    for (const write of store.held.splice(0).reverse()) write();
    store.held = undefined;
    expect([(await read).status, (await second).status]).toEqual([200, 200]);
    expect(JSON.parse((await app.send("/read", cookie)).text)).toEqual({ begun: 1, second: 1 });
  } finally {
    await app.close();
  }
});
