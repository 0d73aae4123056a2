/** A session with other notes of the library, and what a save is to keep. Classes: V8 keeps an object with a getter of its own as a dictionary. */

import type { Content, Meta, Payload } from "../contracts/format.ts";
import type { Draft } from "../contracts/records.ts";

/** The same data, which are decoded when they are asked for, with other notes of the library. */
export class Noted implements Content {
  readonly meta: Meta;
  readonly #content: Content;

  constructor(content: Content, meta: Meta) {
    this.#content = content;
    this.meta = meta;
  }

  get data(): Record<string, unknown> {
    return this.#content.data;
  }
}

/** The same as it is to be written. */
export class NotedDraft extends Noted implements Draft {
  readonly payload: Payload;
  readonly expiresAt: number;
  readonly subject: string | undefined;
  readonly id: string | undefined;

  /** @param payload What that content is encoded to. */
  constructor(content: Content, meta: Meta, payload: Payload, expiresAt: number, id?: string) {
    super(content, meta);
    this.payload = payload;
    this.expiresAt = expiresAt;
    this.subject = meta.subject;
    this.id = id;
  }
}
