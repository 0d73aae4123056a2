/** The client of the framework suite inside workerd, over its `fetch`: its `node:http` does not give headers as they came. */

import type { Answer, Incoming, Sent } from "../../../src/testing/framework/client.ts";
import { keepCookie } from "../../../src/testing/framework/jar.ts";

/** One browser, with what the suite's own has. */
export class Client {
  readonly cookies: Map<string, string> = new Map();
  readonly refused: string[] = [];
  readonly secure = false;
  readonly #url: URL;

  /** @param url Its hash tells which application is meant: all of them are behind one port. */
  constructor(url: string) {
    this.#url = new URL(url);
  }

  async get(path: string, sent: Sent = {}): Promise<Answer> {
    return (await this.open(path, sent)).rest();
  }

  post(path: string, sent: Sent = {}): Promise<Answer> {
    return this.get(path, { method: "POST", ...sent });
  }

  /** Follows redirects, as GET. */
  async follow(path: string, sent: Sent = {}): Promise<Answer> {
    let answer = await this.get(path, sent);
    for (let hops = 0; answer.status >= 300 && answer.status < 400 && hops < 5; hops++) {
      const { pathname, search } = new URL(answer.headers.get("location") ?? "", this.#url);
      answer = await this.get(pathname + search);
    }
    return answer;
  }

  /** Sends, and answers when the head of the response is there. */
  async open(path: string, { method = "GET", headers = {}, body, cookie }: Sent = {}): Promise<Incoming> {
    const cookies = cookie ?? [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const all = { ...headers, app: this.#url.hash, ...(cookies !== "" && { cookie: cookies }) };
    const response = await fetch(this.#url.origin + path, {
      method,
      headers: all,
      body: body ?? null,
      redirect: "manual",
    });
    for (const line of response.headers.getSetCookie()) keepCookie(this, line);
    return incomingOf(response);
  }

  close(): void {}
}

function incomingOf({ status, headers, body }: Response): Incoming {
  const reader = body?.getReader();
  const next = async (): Promise<Uint8Array | undefined> => (await reader?.read())?.value;
  return {
    status,
    headers,
    next: async () => {
      const piece = await next();
      return piece && new TextDecoder().decode(piece);
    },
    async rest() {
      const all: Uint8Array[] = [];
      let complete = true;
      try {
        for (let piece = await next(); piece; piece = await next()) all.push(piece);
      } catch {
        complete = false;
      }
      const bytes = new Uint8Array(await new Blob(all as BlobPart[]).arrayBuffer());
      return { status, headers, bytes, text: new TextDecoder().decode(bytes), complete };
    },
    abandon: () => void reader?.cancel().catch(() => {}),
  };
}
