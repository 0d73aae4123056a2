/**
 * Keeps the clients of an application over the hot reloads of a dev server.
 *
 * @module
 */

import { isPromise } from "./core/bytes/bytes.ts";
import { wrongArgument } from "./core/contracts/errors.ts";
import { processWide } from "./core/contracts/process-wide.ts";

/**
 * Opens a client once per process, even if the calling module runs several times. A dev server runs the module again
 * after every edit, and Next.js runs it in each of its programs. Without `keepOpen`, each run would open another
 * client, and leave the connections of the previous one open.
 *
 * The client stays open until the process ends: to change its URL, restart. A promise that rejects is not kept, so the
 * next call tries again. In production it costs one lookup in a `Map` for each module.
 *
 * @param name Its name in this process. Use a different name for each client.
 * @param open Creates it. Called only the first time; its errors are thrown.
 * @returns What `open` returned, now or at the first call.
 * @throws `TypeError` when an argument is of the wrong type.
 * @example
 * ```ts
 * import { createClient } from "redis";
 * import { createSessions } from "sojourn";
 * import { keepOpen } from "sojourn/keep-open";
 * import { redisStore } from "sojourn/stores/redis";
 *
 * const url = process.env.REDIS_URL ?? "redis://localhost:6379";
 * const client = () => keepOpen("redis", () => createClient({ url }).on("error", console.error).connect());
 *
 * export const sessions = createSessions({ name: "shop", store: redisStore({ client }) });
 * ```
 */
export function keepOpen<Opened>(name: string, open: () => Opened): Opened {
  if (typeof name !== "string" || name === "") throw wrongArgument("name", "a name for what is opened", name);
  if (typeof open !== "function") throw wrongArgument("open", "a function that opens it", open);
  const all = processWide("open", () => new Map<string, unknown>());
  if (all.has(name)) return all.get(name) as Opened;
  const opened = open();
  all.set(name, opened);
  if (isPromise(opened)) opened.then(undefined, () => all.delete(name));
  return opened;
}
