/** A request of Nuxt: it is handled when what its handler sent has left. */

import type { RequestReader } from "../../core/request/reader.ts";
import type { Sessions } from "../../core/request/sessions.ts";
import { answerInWords } from "./answer-in-words.ts";
import { released } from "./held-response.ts";
import { type NuxtEvent, refuseCached } from "./nitro-call.ts";
import { Head } from "./node-head.ts";
import { ConnectRequest, nodeReader } from "./node-request.ts";

const reader: RequestReader<never> = {
  ...(nodeReader as RequestReader<never>),
  asked: ({ event }: NuxtRequest<object>) => refuseCached(event),
};

/** Of a browser, not of a call inside the server. */
export class NuxtRequest<Data extends object> extends ConnectRequest<Data> {
  readonly event: NuxtEvent;
  #fail: ((error: unknown) => void) | undefined;

  constructor(sessions: Sessions<Data>, event: NuxtEvent, secure: ((event: NuxtEvent) => boolean) | undefined) {
    const { req, res } = event.node;
    super(sessions, req, res, () => {}, secure && (() => secure(event)), event);
    this.event = event;
  }

  protected override get reader(): typeof nodeReader {
    return reader;
  }

  override get given(): object {
    return this.event;
  }

  /** Runs the handlers until the response has left. Rejects when its session could not be saved, so that h3 answers. */
  handle(next: () => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#run(next).then(resolve, reject);
    }).finally(() => {
      this.#fail = undefined;
    });
  }

  async #run(next: () => unknown): Promise<void> {
    await this.run(next);
    const { exchange, response } = this;
    // Where there is no socket, h3 does not send a stream: it hands it over in `_data`, and the event is handled.
    if (exchange.used && !response.socket && !response.writableEnded) {
      try {
        await exchange.commit(new Head(response), { failed: response.statusCode >= 500 });
      } catch (error) {
        this.startOver(error);
        Object.assign(response, { _data: undefined });
        Object.assign(this.event, { _handled: false });
        throw error;
      }
    }
    await released(response);
  }

  override fail(error: unknown): void {
    const fail = this.#fail;
    this.#fail = undefined;
    if (fail) fail(error);
    else answerInWords(this.response);
  }
}
