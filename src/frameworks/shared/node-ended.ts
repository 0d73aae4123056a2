/** A Node response that its handler has ended, and that waits for a save: a second answer is an error, as Node has it. */

import type { NodeResponse } from "./node-shapes.ts";

/** A socket that was to be destroyed while the response waited. */
export interface Destroyed {
  destroy(error?: Error): unknown;
  destroySoon(): unknown;
}

/**
 * Makes setting a header an error, and puts off the end of the connection: error handlers of Express destroy the socket
 * when the response was sent already, and what is complete leaves first.
 *
 * @returns What undoes it. It answers the socket when that was to be destroyed.
 */
export function shut(response: NodeResponse): () => Destroyed | undefined {
  const { setHeader, appendHeader } = response;
  const socket = response.stream ? undefined : (response.socket as Destroyed | null | undefined);
  const destroy = socket?.destroy;
  let destroyed = false;
  const refuse = (): never => {
    throw alreadySent("set");
  };
  response.setHeader = refuse;
  response.appendHeader = refuse;
  if (socket && destroy) {
    socket.destroy = (error) => {
      if (error) return destroy.call(socket, error);
      destroyed = true;
      return socket;
    };
  }
  return () => {
    response.setHeader = setHeader;
    response.appendHeader = appendHeader;
    if (!socket || !destroy) return undefined;
    socket.destroy = destroy;
    return destroyed ? socket : undefined;
  };
}

/** What Node says. */
export function alreadySent(what: "set" | "write"): Error {
  const error = new Error(`Cannot ${what} headers after they are sent to the client`);
  return Object.assign(error, { code: "ERR_HTTP_HEADERS_SENT" });
}
