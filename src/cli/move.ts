/** `sojourn move`: moves what is left in one store to another while the application runs, and says when nothing is. */

import { payloadBytes } from "../core/bytes/bytes.ts";
import type { ListedRecord, Store } from "../core/contracts/store.ts";
import { type MovingStore, movingStore } from "../stores/moving.ts";
import { StoreFailure } from "./cleanup.ts";
import { type Call, type Command, numberOption, textOption, UsageError } from "./command.ts";
import { loadSessions } from "./sources.ts";
import { count, jsonLine, Progress } from "./terminal.ts";

export const moveCommand: Command = {
  name: "move",
  about: "move sessions to another store while the application runs",
  options: {
    to: { type: "string", value: "<file>", file: true, about: "a module with the new store; --from has the old one" },
    "dry-run": { type: "boolean", about: "show what there is to move, and move nothing" },
    verify: { type: "boolean", about: "read each session back from the new store to verify it" },
    batch: { type: "string", value: "<n>", about: "how many sessions at a time (1000)" },
  },
  run: move,
};

/** How sessions are to be moved. */
interface MoveSettings {
  readonly verify: boolean;
  readonly batch: number;
}

/** How it went, as `--json` prints it. */
interface Moved {
  readonly from: string;
  readonly to: string;
  readonly moved: number;
  /** What ended while it was on its way. */
  readonly ended: number;
  readonly left: number;
  readonly seconds: number;
  readonly verified?: Verified;
}

/** What the new store says of the records that were moved. */
interface Verified {
  same: number;
  changed: number;
  ended: number;
}

/** How many records are moved at the same time. */
const atOnce = 16;

/** Moves everything from one store to another; or only says what there is. */
async function move(call: Call): Promise<void> {
  const { values, json, stdout, stderr } = call;
  const settings = { verify: values["verify"] === true, batch: numberOption(values, "batch", 1000) };
  const { store, close } = await open(call);
  try {
    const { from, to } = store;
    if (values["dry-run"] === true) return await look(store, json, stdout);
    const progress = json ? undefined : new Progress(stderr, `${from.name} → ${to.name}`);
    const moved = await new Mover(store, settings, progress).run();
    stdout.write(json ? jsonLine(moved) : asText(moved));
    if (moved.left > 0)
      throw new StoreFailure(`${count(moved.left)} left in ${from.name}: others go on writing there. Run it again`);
  } finally {
    await close();
  }
}

/** The two stores: of a module each, or of a moving store in one. */
async function open(call: Call): Promise<{ store: MovingStore; close(): Promise<void> }> {
  const old = await call.load();
  const to = textOption(call.values, "to");
  if (to === undefined) {
    const store = old.stores.find(isMoving);
    if (store && old.stores.length === 1)
      return { store: movingStore({ from: store.from, to: store.to }), close: async () => {} };
    throw new UsageError("move needs --to <file>, a module with the new store, or --from one that has a movingStore()");
  }
  const next = await loadSessions({ ...call.values, from: to }, call);
  try {
    return {
      store: movingStore({ from: only("--from", old.stores), to: only("--to", next.stores) }),
      close: next.close,
    };
  } catch (error) {
    await next.close();
    throw error;
  }
}

function isMoving(store: Store): store is MovingStore {
  return typeof (store as Partial<MovingStore>).move === "function";
}

function only(option: string, stores: readonly Store[]): Store {
  const [store, ...others] = stores;
  if (!store || others.length > 0)
    throw new TypeError(`the module of ${option} must have one store; it has ${stores.length}`);
  if (isMoving(store))
    throw new TypeError(`the store of ${option} is a movingStore(): leave --to out, or name a plain one`);
  if (!store.list) throw new TypeError(`the ${store.name} store of ${option} cannot list its records`);
  return store;
}

/** Says what a move would do. */
async function look({ from, to, capabilities }: MovingStore, json: boolean, stdout: Call["stdout"]): Promise<void> {
  const most =
    to.capabilities.maxPayloadBytes === undefined ? Number.POSITIVE_INFINITY : (capabilities.maxPayloadBytes ?? 0);
  const all = { from: from.name, to: to.name, left: 0, octets: 0, tooLarge: 0 };
  for await (const { payload } of from.list!()) {
    all.left += 1;
    all.octets += payloadBytes(payload);
    if (payloadBytes(payload) > most) all.tooLarge += 1;
  }
  if (json) return void stdout.write(jsonLine(all));
  const large = all.tooLarge > 0 ? `; ${count(all.tooLarge)} too large for ${to.name}` : "";
  stdout.write(
    `${from.name} → ${to.name}: ${count(all.left)} to move, ${count(Math.ceil(all.octets / 1024))} KB${large}. Nothing was moved\n`,
  );
}

/** Moves batch after batch, until a walk through the old store finds nothing. */
class Mover {
  readonly #store: MovingStore;
  readonly #settings: MoveSettings;
  readonly #progress: Progress | undefined;
  readonly #start = performance.now();
  readonly #verified: Verified = { same: 0, changed: 0, ended: 0 };
  #moved = 0;
  #ended = 0;
  #before = 0;

  constructor(store: MovingStore, settings: MoveSettings, progress: Progress | undefined) {
    this.#store = store;
    this.#settings = settings;
    this.#progress = progress;
  }

  async run(): Promise<Moved> {
    const { from, to } = this.#store;
    try {
      this.#before = (await from.count?.())?.count ?? 0;
      // What others began there during a walk is found by the next one.
      for (let walk = 0; walk < 10; walk++) if ((await this.#walk()) === 0) break;
      const left = await this.#left();
      const seconds = Math.round(performance.now() - this.#start) / 1000;
      const done = { from: from.name, to: to.name, moved: this.#moved, ended: this.#ended, left, seconds };
      return this.#settings.verify ? { ...done, verified: this.#verified } : done;
    } catch (error) {
      const far = `${count(this.#moved)} were moved and count. Run it again: it goes on where it is`;
      throw new StoreFailure(`${from.name} → ${to.name}: the move failed; ${far}`, { cause: error });
    } finally {
      this.#progress?.end();
    }
  }

  /** How many records it found. */
  async #walk(): Promise<number> {
    let found = 0;
    let batch: ListedRecord[] = [];
    for await (const row of this.#store.from.list!()) {
      found += 1;
      batch.push(row);
      if (batch.length < this.#settings.batch) continue;
      await this.#batch(batch);
      batch = [];
    }
    await this.#batch(batch);
    return found;
  }

  async #batch(rows: readonly ListedRecord[]): Promise<void> {
    let next = 0;
    const one = async (): Promise<void> => {
      for (let row = rows[next++]; row; row = rows[next++]) await this.#one(row);
    };
    await Promise.all(Array.from({ length: atOnce }, one));
    // A database in this process leaves no room for anything else otherwise, Ctrl-C for one.
    await new Promise((resolve) => setTimeout(resolve));
  }

  async #one(row: ListedRecord): Promise<void> {
    const isAlive = await this.#store.move(row.key);
    if (isAlive) this.#moved += 1;
    else this.#ended += 1;
    if (this.#settings.verify && isAlive) await this.#verify(row);
    const rate = Math.round((this.#moved * 1000) / (performance.now() - this.#start + 1));
    const left = Math.max(this.#before - this.#moved - this.#ended, 0);
    const text = `${count(this.#moved)} moved, ${this.#before > 0 ? `${count(left)} left, ` : ""}${count(rate)}/s`;
    this.#progress?.show(text, this.#before > 0 ? 1 - left / this.#before : undefined);
  }

  /** Reads it back from the new store. */
  async #verify({ key, payload, subject, expiresAt }: ListedRecord): Promise<void> {
    const there = await this.#store.to.read(key);
    // Clocks of two servers, and stores that keep whole seconds.
    const isSame =
      there !== null &&
      Buffer.from(there.payload).equals(Buffer.from(payload)) &&
      (there.subject ?? undefined) === (subject ?? undefined) &&
      Math.abs(there.expiresAt - expiresAt) < 5000;
    this.#verified[there === null ? "ended" : isSame ? "same" : "changed"] += 1;
  }

  async #left(): Promise<number> {
    let left = 0;
    for await (const { key } of this.#store.from.list!()) {
      // What a process that died has left of a move is finished here.
      await this.#store.move(key);
      if (await this.#store.from.read(key)) left += 1;
    }
    return left;
  }
}

function asText({ from, to, moved, ended, left, seconds, verified }: Moved): string {
  const gone = ended > 0 ? `, ${count(ended)} ended in between` : "";
  const rate = Math.round(moved / Math.max(seconds, 0.001));
  const lines = [`${from} → ${to}: moved ${count(moved)} in ${seconds.toFixed(1)} s, ${count(rate)}/s${gone}`];
  if (verified)
    lines.push(
      `read back from ${to}: ${count(verified.same)} the same, ${count(verified.changed)} changed since, ${count(verified.ended)} ended since`,
    );
  lines.push(left === 0 ? `0 left in ${from}: it can be switched off` : `${count(left)} left in ${from}`);
  return `${lines.join("\n")}\n`;
}
