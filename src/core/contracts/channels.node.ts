/** `diagnostics_channel` of Node, Bun and Deno. The twin of `channels.ts`. */

import { AsyncLocalStorage } from "node:async_hooks";
import { channel, tracingChannel } from "node:diagnostics_channel";
import type { Diagnostics } from "./channels.ts";

/** What there is to trace with. */
export const diagnostics: Diagnostics = {
  channel,
  tracingChannel,
  scope: <T>() => new AsyncLocalStorage<T>(),
} as unknown as Diagnostics;
