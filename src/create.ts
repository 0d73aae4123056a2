/** `createSessions`: the manager with its default store. */

import { defaultStore, defaultStoreWarning } from "#default-store";
import { warnOption } from "./core/options/checks.ts";
import type { SessionOptions } from "./core/options/options.ts";
import { Sessions } from "./core/request/sessions.ts";
import { type PartsSessions, partsSessions } from "./parts/keeping.ts";
import type { PartsOptions } from "./parts/options.ts";

/**
 * Makes sessions whose data lie in several places, each part with a cookie, a store, lifetimes and protection of its
 * own. They are mounted and used like any other: `session.data` is one object.
 *
 * @typeParam Data The shape of `session.data`.
 * @typeParam Name The names of the parts.
 * @param options See {@link PartsOptions}. A key that two parts take is a `TypeError`; so is writing one that none takes.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { cookieStore } from "sojourn/stores/cookie";
 * import { memoryStore } from "sojourn/stores/memory";
 *
 * const secrets = (process.env.SESSION_SECRETS ?? "").split(" ");
 *
 * export const sessionsInParts = () =>
 *   createSessions<{ csrfToken: string; userId: string; theme: string }>({
 *     parts: {
 *       csrf: { cookie: { name: "csrf" }, store: cookieStore({ secrets }), fields: ["csrfToken"] },
 *       login: { cookie: { name: "session" }, store: memoryStore(), fields: ["userId"], idleTimeout: "30m" },
 *       rest: { cookie: { name: "data" }, store: cookieStore({ secrets }), fields: "rest", persistent: true },
 *     },
 *   });
 * ```
 */
export function createSessions<Data extends object = Record<string, unknown>, Name extends string = string>(
  options: PartsOptions<Data, Name>,
): PartsSessions<Data, Name>;
/**
 * Makes the sessions of an application: one cookie, one store. Mount them with an adapter of
 * `sojourn/frameworks/…`, and ask for a request's session with `sessions.get(request)`.
 *
 * @typeParam Data The shape of `session.data`; given by `schema` where there is one.
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
export function createSessions<Data extends object = Record<string, unknown>>(
  options?: SessionOptions<Data>,
): Sessions<Data>;
/** Either. */
export function createSessions<Data extends object>(
  options: SessionOptions<Data> | PartsOptions<Data> = {},
): Sessions<Data> {
  if ("parts" in options) return partsSessions(options);
  if (options?.store !== undefined) return new Sessions({ ...options, store: options.store });
  const sessions = new Sessions({ ...options, store: defaultStore({ now: options?.now }) });
  warnOption(options.warn)(`sojourn: ${defaultStoreWarning}`);
  return sessions;
}
