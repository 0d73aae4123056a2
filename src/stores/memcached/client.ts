/**
 * A small Memcached client that keeps bytes as they are, for sessions shared with another program.
 *
 * @module
 */

import { connect, type Socket } from "node:net";
import { wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import { type Duration, durationOption } from "../../core/options/duration.ts";
import { Replies, type Reply } from "./replies.ts";

/** The options of {@link memcachedClient}. */
export interface MemcachedClientOptions {
  /** The server: `"host:port"`, `"host"` for port 11211, `"[::1]:11211"`. Default `"127.0.0.1:11211"`. One server, no list. */
  readonly server?: string | undefined;
  /**
   * How long to wait for the answer to a command, a duration or seconds. Default `"5s"`. Then the connection is
   * closed, all its commands reject, and the next command opens another.
   */
  readonly timeout?: Duration | undefined;
}

/** What Memcached has under a key. */
export interface MemcachedItem {
  readonly value: Uint8Array;
  /** Names this state of the item, for `cas`. */
  readonly cas: string;
  /** A number of 32 bits that clients put beside a value to tell its type. */
  readonly flags: number;
  /** Seconds until it expires; `undefined` if it does not expire. */
  readonly secondsLeft: number | undefined;
}

/** How an item is written. */
export interface MemcachedWrite {
  /** As in the protocol: seconds from now up to thirty days, else an instant in epoch seconds; 0 for ever; negative: over. */
  readonly lifetime: number;
  /** Default 0. */
  readonly flags?: number | undefined;
}

/** A connection to one Memcached server. Every command rejects when it fails; its errors hold no keys and no values. */
export interface MemcachedClient {
  /** The item under a key. */
  item(key: string): Promise<MemcachedItem | undefined>;
  /** Stores an item, whatever there is. */
  set(key: string, value: string | Uint8Array, options: MemcachedWrite): Promise<void>;
  /** Stores a new item. False: the key is taken. */
  add(key: string, value: string | Uint8Array, options: MemcachedWrite): Promise<boolean>;
  /** Replaces the item in that state. False: it is gone, or was written since. */
  cas(key: string, value: string | Uint8Array, options: MemcachedWrite & { readonly cas: string }): Promise<boolean>;
  /** Gives the item another end. False: there is none. */
  touch(key: string, lifetime: number): Promise<boolean>;
  /** Removes the item. False: there was none. */
  delete(key: string): Promise<boolean>;
  /** Ends the connection; what has no answer yet rejects, and so does every later command. */
  close(): void;
}

interface Waiting {
  readonly since: number;
  /** Whether it is an answer to this command. If not, those behind it are none to theirs. */
  readonly fits: (line: string) => boolean;
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/**
 * A client for Memcached 1.6 or later, over one TCP connection. It connects at the first command, and again when the
 * connection was lost. Commands are sent at once, without waiting for earlier answers.
 *
 * No TLS, no authentication, one server.
 *
 * @throws `TypeError` for a wrong option, naming it.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskMemcached, flaskSession } from "sojourn/flask";
 * import { memcachedClient } from "sojourn/stores/memcached/client";
 * import { memcachedStore } from "sojourn/stores/memcached";
 *
 * const client = memcachedClient({ server: "127.0.0.1:11211" });
 *
 * export const sessions = createSessions({
 *   ...flaskSession(),
 *   store: memcachedStore({ client, layout: flaskMemcached() }),
 * });
 * ```
 */
export function memcachedClient(options: MemcachedClientOptions = {}): MemcachedClient {
  checkKnown("memcachedClient", options, ["server", "timeout"]);
  const { server = "127.0.0.1:11211", timeout: limit = "5s" } = options;
  const address = addressOf(server);
  const timeout = durationOption("timeout", limit, 1, 600_000);
  let socket: Socket | undefined;
  let closed = false;
  let waiting: Waiting[] = [];

  /** The connection there is, or a new one: what is written before it is made waits in it. */
  function connection(): Socket {
    if (socket) return socket;
    const made = connect({ ...address, noDelay: true, keepAlive: true });
    socket = made;
    const replies = new Replies();
    const end = (reason: string, cause?: Error): void => {
      made.destroy();
      if (socket !== made) return;
      socket = undefined;
      const lost = waiting;
      waiting = [];
      for (const { reject } of lost) reject(new Error(reason, { cause }));
    };
    made.on("data", (chunk) => {
      try {
        for (const reply of replies.read(chunk)) {
          const first = waiting.shift();
          if (!first) throw new Error("Memcached answered what was not asked");
          if (first.fits(reply.line) || told.test(reply.line)) first.resolve(reply);
          else {
            waiting.unshift(first);
            throw new Error("Memcached gave an answer that is none to the command");
          }
        }
        if (replies.lost) end("Memcached refused a command");
      } catch (error) {
        end((error as Error).message);
      }
    });
    made.on("error", (error) => end("Memcached cannot be reached", error));
    made.on("close", () => end("Memcached closed the connection"));
    const watch = setInterval(
      () => {
        const oldest = waiting[0];
        if (oldest && performance.now() - oldest.since > timeout) end(`Memcached did not answer within ${timeout} ms`);
      },
      Math.min(Math.max(timeout / 4, 1), 1000),
    );
    watch.unref();
    made.on("close", () => clearInterval(watch));
    return made;
  }

  function send(line: string, fits: Waiting["fits"], value?: Uint8Array): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (closed) throw new Error("The Memcached client is closed");
      const data = value ? Buffer.concat([Buffer.from(`${line}\r\n`), value, end]) : `${line}\r\n`;
      const target = connection();
      waiting.push({ since: performance.now(), fits, resolve, reject });
      target.write(data);
    });
  }

  async function store(
    command: "set" | "add" | "cas",
    key: string,
    value: string | Uint8Array,
    { lifetime, flags = 0, cas }: MemcachedWrite & { readonly cas?: string },
  ): Promise<boolean> {
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    const token = cas === undefined ? "" : ` ${whole("cas", cas)}`;
    const head = `${command} ${checked(key)} ${whole("flags", flags)} ${whole("lifetime", lifetime)}`;
    const answers = answersTo[command];
    const { line } = await send(`${head} ${bytes.length}${token}`, (one) => answers.includes(one), bytes);
    return isDone(line, answers);
  }

  async function change(command: "touch" | "delete", key: string, more = ""): Promise<boolean> {
    const answers = answersTo[command];
    return isDone((await send(`${command} ${checked(key)}${more}`, (one) => answers.includes(one))).line, answers);
  }

  return {
    async item(key) {
      // With the key in the answer: a session must never be taken for another's, whatever stands between.
      const fits = (one: string): boolean => one === "EN" || (answer.test(one) && one.endsWith(` k${key}`));
      const { line, value } = await send(`mg ${checked(key)} v c f t k`, fits);
      if (line.startsWith("EN")) return undefined;
      const [, cas, flags, left] = answer.exec(line) ?? [];
      if (!value || cas === undefined) throw failure(line);
      return { value, cas, flags: Number(flags), secondsLeft: left === "-1" ? undefined : Number(left) };
    },
    async set(key, value, options) {
      await store("set", key, value, options);
    },
    add: (key, value, options) => store("add", key, value, options),
    cas: (key, value, options) => store("cas", key, value, options),
    touch: async (key, lifetime) => change("touch", key, ` ${whole("lifetime", lifetime)}`),
    delete: (key) => change("delete", key),
    close() {
      closed = true;
      socket?.destroy();
    },
  };
}

const end = Buffer.from("\r\n");

const answer = /^(?:EN|VA \d+ c(\d+) f(\d+) t(-?\d+)) k/;

/** What a command may be answered: the first is success, the others a refusal. */
const answersTo: Readonly<Record<"set" | "add" | "cas" | "touch" | "delete", readonly string[]>> = {
  set: ["STORED"],
  add: ["STORED", "NOT_STORED"],
  cas: ["STORED", "EXISTS", "NOT_FOUND"],
  touch: ["TOUCHED", "NOT_FOUND"],
  delete: ["DELETED", "NOT_FOUND"],
};

function isDone(line: string, answers: readonly string[]): boolean {
  if (answers.includes(line)) return line === answers[0];
  throw failure(line);
}

/** What the server says of itself, which has no keys in it. */
const told = /^(?:SERVER_|CLIENT_)?ERROR\b[ -~]{0,200}/;

function failure(line: string): Error {
  if (line === "ERROR") return new Error("Memcached does not know a command; it must be version 1.6 or later");
  return new Error(`Memcached answered ${told.exec(line)?.[0]}`);
}

function checked(key: string): string {
  if (typeof key === "string" && /^[\x21-\x7e]{1,250}$/.test(key)) return key;
  throw wrongArgument("key", "1 to 250 printable ASCII characters without spaces", key);
}

/** A whole number as text for a command. Throws for anything else, since it could contain another command. */
function whole(name: string, value: string | number): string {
  const text = String(value);
  if (/^-?\d{1,20}$/.test(text)) return text;
  throw wrongArgument(name, "a whole number", value);
}

function addressOf(server: unknown): { host: string; port: number } {
  const [, six, host = six, digits = "11211"] =
    (typeof server === "string" && /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(server)) || [];
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) throw wrongArgument("server", '"host:port", one server', server);
  return { host, port };
}
