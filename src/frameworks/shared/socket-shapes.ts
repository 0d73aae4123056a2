/** The parts of sockets that are used here, by shape: those of `ws`, browsers, Deno, Bun and Socket.IO fit. */

import { isPromise } from "../../core/bytes/bytes.ts";
import type { SocketEnd } from "./watched-sockets.ts";

/** A socket that can be closed: that of `ws`, of browsers, Deno and Bun (`close`), or of Socket.IO (`disconnect`). */
export interface ClosableSocket {
  close?(code?: number, reason?: string): unknown;
  disconnect?(close?: boolean): unknown;
}

/** What the sockets of all kinds tell of their end. */
interface SocketState {
  readonly readyState?: unknown;
  readonly disconnected?: unknown;
  addEventListener?(event: "close", listener: () => void): unknown;
  once?(event: "disconnect", listener: () => void): unknown;
}

/** Whether it is closed, or about to be. */
export function isClosed({ readyState, disconnected }: SocketState): boolean {
  return disconnected === true || (typeof readyState === "number" && readyState >= 2);
}

/** Calls the listener when the socket was closed, if it can tell. */
export function onceClosed(socket: SocketState, listener: () => void): void {
  if (socket.addEventListener) socket.addEventListener("close", listener);
  else socket.once?.("disconnect", listener);
}

/** Tells that the session of a socket is over: as the application wants it, else by closing the socket. */
export function tell<Socket extends object>(
  socket: Socket,
  reason: SocketEnd,
  onEnd: ((socket: Socket, reason: SocketEnd) => unknown) | undefined,
): void {
  try {
    const answer = onEnd ? onEnd(socket, reason) : close(socket, reason);
    if (isPromise(answer)) answer.catch(() => close(socket, reason));
  } catch {
    close(socket, reason);
  }
}

/** 4000 to 4999 are the application's own (RFC 6455, 7.4.2); 401 is HTTP's answer to a client that is not logged in. */
function close(socket: ClosableSocket, reason: SocketEnd): void {
  try {
    if (socket.disconnect) socket.disconnect(true);
    else socket.close?.(4401, reason);
  } catch {
    // It is closed already.
  }
}
