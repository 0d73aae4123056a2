/** `createSessions`: the manager with its default store. */

import { defaultStore, defaultStoreWarning } from "#default-store";
import type { DeviceFields } from "./core/contracts/session-options.ts";
import { once, warnOption } from "./core/options/checks.ts";
import type { SessionOptions } from "./core/options/options.ts";
import { Sessions } from "./core/request/sessions.ts";

/**
 * Makes the sessions of an application: one cookie, one store. Mount them with an adapter of
 * `sojourn/frameworks/…`, and ask for a request's session with `sessions.get(request)`.
 *
 * @typeParam Data The shape of `session.data`; given by `schema` where there is one.
 * @typeParam Device What the option `describe` returns; known by itself where `Data` is not written.
 * @param options All optional; see {@link SessionOptions} for each default. A wrong or unsafe one is a `TypeError`.
 * @example
 * ```ts
 * import express from "express";
 * import { createSessions } from "sojourn";
 * import { expressSessions } from "sojourn/frameworks/express";
 *
 * const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });
 * const app = express();
 * app.use(expressSessions(sessions));
 * app.get("/", async (req, res) => {
 *   const session = await sessions.get(req);
 *   session.data.visits = (session.data.visits ?? 0) + 1;
 *   res.send(`visit ${session.data.visits}`);
 * });
 * ```
 */
export function createSessions<Data extends object = Record<string, unknown>, Device extends object = DeviceFields>(
  options: SessionOptions<Data, Device> = {},
): Sessions<Data, Device> {
  if (options?.store !== undefined) return new Sessions({ ...options, store: options.store });
  const { cleanupEvery = 100, now } = options ?? {};
  const sessions = new Sessions({ ...options, cleanupEvery, store: defaultStore({ now }) });
  once(warnOption(options.warn))(defaultStoreWarning);
  return sessions;
}
