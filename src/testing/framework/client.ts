/** A small browser for the framework suite: HTTP/1.1 and HTTP/2, and a cookie jar that refuses what browsers refuse. */

import { Agent, type IncomingMessage, request as request1 } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { request as request1s, Agent as SecureAgent } from "node:https";
import type { Readable } from "node:stream";
import { check } from "../store/check.ts";
import { keepCookie } from "./jar.ts";

/** What is sent. */
export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The `Cookie` header, instead of what the jar holds. */
  readonly cookie?: string;
}

/** A response whose body is still coming. */
export interface Incoming {
  readonly status: number;
  readonly headers: Headers;
  /** The next piece of the body, or `undefined` at its end. */
  next(): Promise<string | undefined>;
  /** What is left of the body. */
  rest(): Promise<Answer>;
  /** Goes away in the middle. */
  abandon(): void;
}

/** A response, as far as it came. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly bytes: Uint8Array;
  /** The body ended as its framing says it ends. */
  readonly complete: boolean;
}

const patience = 8000;

/** One browser: what it was given as cookies it sends along. */
export class Client {
  /** By name. */
  readonly cookies: Map<string, string> = new Map();
  /** Why cookies were refused. */
  readonly refused: string[] = [];
  readonly #url: URL;
  readonly #http2: boolean;
  readonly #agent: Agent;
  #session: ClientHttp2Session | undefined;

  constructor(url: string, http2: boolean) {
    this.#url = new URL(url);
    this.#http2 = http2;
    const secure = this.#url.protocol === "https:";
    this.#agent = secure
      ? new SecureAgent({ keepAlive: true, rejectUnauthorized: false })
      : new Agent({ keepAlive: true });
  }

  /** It talks https. */
  get secure(): boolean {
    return this.#url.protocol === "https:";
  }

  get(path: string, sent: Sent = {}): Promise<Answer> {
    return this.open(path, sent).then((incoming) => incoming.rest());
  }

  post(path: string, sent: Sent = {}): Promise<Answer> {
    return this.get(path, { method: "POST", ...sent });
  }

  /** Follows redirects, as GET. */
  async follow(path: string, sent: Sent = {}): Promise<Answer> {
    let answer = await this.get(path, sent);
    for (let hops = 0; answer.status >= 300 && answer.status < 400 && hops < 5; hops++) {
      const to = new URL(answer.headers.get("location") ?? "", this.#url);
      answer = await this.get(to.pathname + to.search);
    }
    return answer;
  }

  /** Sends, and answers when the head of the response is there. */
  async open(path: string, { method = "GET", headers = {}, body, cookie }: Sent = {}): Promise<Incoming> {
    const cookies = cookie ?? [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const all = cookies === "" ? headers : { ...headers, cookie: cookies };
    const incoming = await inTime(
      this.#http2 ? this.#open2(method, path, all, body) : this.#open1(method, path, all, body),
      path,
    );
    for (const line of incoming.headers.getSetCookie()) keepCookie(this, line);
    return incoming;
  }

  close(): void {
    this.#agent.destroy();
    this.#session?.destroy();
  }

  #open1(method: string, path: string, headers: Record<string, string>, body = ""): Promise<Incoming> {
    const { protocol, hostname, port } = this.#url;
    const request = protocol === "https:" ? request1s : request1;
    const length = body === "" ? {} : { "content-length": `${Buffer.byteLength(body)}` };
    return new Promise((resolve, reject) => {
      const sending = request({ hostname, port, path, method, agent: this.#agent, headers: { ...headers, ...length } });
      sending.on("error", reject);
      sending.on("response", (message: IncomingMessage) => {
        const received = headersOf(message.rawHeaders);
        resolve(incomingOf(message.statusCode ?? 0, received, message, () => message.complete));
      });
      sending.end(body);
    });
  }

  #open2(method: string, path: string, headers: Record<string, string>, body = ""): Promise<Incoming> {
    if (!this.#session || this.#session.destroyed || this.#session.closed) {
      this.#session = connect(this.#url.origin, { rejectUnauthorized: false });
      this.#session.on("error", () => {}); // Each stream tells.
    }
    const stream = this.#session.request({ ":method": method, ":path": path, ...headers }, { endStream: body === "" });
    return new Promise((resolve, reject) => {
      stream.on("error", reject);
      stream.on("close", () => reject(new Error("the stream was closed without a response")));
      stream.on("response", (received) => {
        const pairs = Object.entries(received).filter(([name]) => !name.startsWith(":"));
        const raw = pairs.flatMap(([name, value]) => [value ?? []].flat().flatMap((one) => [name, `${one}`]));
        resolve(incomingOf(Number(received[":status"]), headersOf(raw), stream, () => stream.rstCode === 0));
      });
      if (body !== "") stream.end(body);
    });
  }
}

function headersOf(raw: readonly string[]): Headers {
  const headers = new Headers();
  for (let at = 0; at < raw.length; at += 2) headers.append(raw[at] as string, raw[at + 1] as string);
  return headers;
}

function incomingOf(status: number, headers: Headers, body: Readable, ended: () => boolean): Incoming {
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  const next = async (): Promise<Uint8Array | undefined> => {
    const piece = await inTime(pieces.next(), "a piece of the body");
    return piece.done ? undefined : piece.value;
  };
  return {
    status,
    headers,
    next: async () => {
      const piece = await next();
      return piece && Buffer.from(piece).toString();
    },
    async rest() {
      const all: Uint8Array[] = [];
      let broken = false;
      try {
        for (let piece = await next(); piece; piece = await next()) all.push(piece);
      } catch (error) {
        check(!(error instanceof Timeout), String(error));
        broken = true;
      }
      const bytes = Buffer.concat(all);
      return { status, headers, bytes, text: bytes.toString(), complete: !broken && ended() };
    },
    abandon: () => body.destroy(),
  };
}

class Timeout extends Error {}

async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Timeout(`${what}: no answer within ${patience} ms`)), patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
