/** A browser without a network: keeps several cookies, and shows what a request did to them. */

import type { PartsSession, PartsSessions } from "../../src/parts.ts";

export type Data = Record<string, unknown>;

export interface Visit<T> {
  readonly value: T | undefined;
  /** What the handler or the commit threw. */
  readonly error: unknown;
  /** The names of the cookies that were set, and of those removed with `-` in front. */
  readonly cookies: readonly string[];
  readonly headers: Headers;
}

interface Incoming {
  readonly cookie: string;
}

const reader = { cookie: ({ cookie }: Incoming) => cookie, secure: () => true };

export class Browser {
  readonly cookies: Map<string, string> = new Map();
  readonly #sessions: PartsSessions<Data>;

  constructor(sessions: PartsSessions<Data>, cookies: Iterable<[string, string]> = []) {
    this.#sessions = sessions;
    this.cookies = new Map(cookies);
  }

  /** Another window that sends what this one would send now. */
  another(): Browser {
    return new Browser(this.#sessions, this.cookies);
  }

  /** One request whose handler asks for the whole session. */
  visit<T>(handler: (session: PartsSession<Data>) => T | Promise<T>): Promise<Visit<T>> {
    return this.request(async (incoming) => handler(await this.#sessions.get(incoming)));
  }

  /** One request whose handler asks for some fields. */
  only<T>(fields: readonly string[], handler: (session: PartsSession<Data>) => T | Promise<T>): Promise<Visit<T>> {
    return this.request(async (incoming) => handler(await this.#sessions.get(incoming, fields)));
  }

  async request<T>(handler: (incoming: Incoming) => Promise<T>): Promise<Visit<T>> {
    const incoming = { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    const exchange = this.#sessions.open(incoming, reader);
    const headers = new Headers();
    let value: T | undefined;
    let error: unknown;
    try {
      value = await handler(incoming);
    } catch (thrown) {
      error = thrown;
    }
    try {
      await exchange.commit(headers, { failed: error !== undefined });
      await exchange.finish({ failed: error !== undefined });
    } catch (thrown) {
      error = thrown;
      await exchange.commit(headers, { failed: true });
    }
    return { value, error, headers, cookies: headers.getSetCookie().map((line) => this.#keep(line)) };
  }

  #keep(line: string): string {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    const short = name.replace("__Host-", "");
    if (/Max-Age=0(;|$)/.test(line)) {
      this.cookies.delete(name);
      return `-${short}`;
    }
    this.cookies.set(name, value);
    return short;
  }
}
