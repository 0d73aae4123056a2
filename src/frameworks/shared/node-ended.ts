/** A Node response that its handler has ended, and that waits for a save: a second answer is an error, as Node has it. */

import type { NodeResponse } from "./node-shapes.ts";

/** A socket that was to be destroyed while the response waited. */
export interface Destroyed {
  destroy(error?: Error): unknown;
  destroySoon(): unknown;
}

type Socket = Destroyed & { [slot]?: Shut | undefined };

/** Where a socket has the response that waits on it. */
const slot = Symbol("sojourn shut");

/**
 * While there is one, setting a header is an error, and the end of the connection is put off: error handlers of Express
 * destroy the socket when the response was sent already, and what is complete leaves first.
 *
 * The functions are the same for all responses. With closures, most of what a request allocates outlived it until the
 * next full collection, and a write took twice the CPU.
 */
export class Shut {
  readonly #response: NodeResponse;
  readonly #setHeader: NodeResponse["setHeader"];
  readonly #appendHeader: NodeResponse["appendHeader"];
  readonly #socket: Socket | undefined;
  readonly #destroy: Destroyed["destroy"] | undefined;
  #destroyed = false;

  constructor(response: NodeResponse) {
    const { setHeader, appendHeader } = response;
    this.#response = response;
    this.#setHeader = setHeader;
    this.#appendHeader = appendHeader;
    response.setHeader = refuse;
    response.appendHeader = refuse;
    const socket = response.stream ? undefined : (response.socket as Socket | null | undefined);
    if (!socket?.destroy) return;
    this.#socket = socket;
    this.#destroy = socket.destroy;
    socket[slot] = this;
    socket.destroy = putOff;
  }

  /** Ends the connection, if the application asks for it, with an error now and otherwise later. */
  destroy(error: Error | undefined): unknown {
    if (error) return this.#destroy?.call(this.#socket, error);
    this.#destroyed = true;
    return this.#socket;
  }

  /** Undoes it. Answers the socket when that was to be destroyed. */
  reopen(): Destroyed | undefined {
    const [response, socket, destroy] = [this.#response, this.#socket, this.#destroy];
    response.setHeader = this.#setHeader;
    response.appendHeader = this.#appendHeader;
    if (!socket || !destroy) return undefined;
    socket.destroy = destroy;
    socket[slot] = undefined;
    return this.#destroyed ? socket : undefined;
  }
}

function refuse(): never {
  throw alreadySent("set");
}

function putOff(this: Socket, error?: Error): unknown {
  const shut = this[slot];
  // Code that took the method while the response waited may call it afterwards.
  return shut ? shut.destroy(error) : this.destroy(error);
}

/** The error that Node throws when a header is set, or the head is written, after the headers were sent. */
export function alreadySent(what: "set" | "write"): Error {
  const error = new Error(`Cannot ${what} headers after they are sent to the client`);
  return Object.assign(error, { code: "ERR_HTTP_HEADERS_SENT" });
}
