/** Device-bound sessions (DBSC): a copy of the session cookie is of use for minutes only. Experimental. */

import type { Binder, DeviceBinding } from "./core/contracts/device-bound.ts";
import { DeviceBinder } from "./device-bound/binder.ts";
import type { BinderCore } from "./device-bound/core.ts";
import { boundConfig, checkBound, type DeviceBoundOptions } from "./device-bound/options.ts";

export type { DeviceBinding } from "./core/contracts/device-bound.ts";
export type { BoundScope, DeviceBoundOptions } from "./device-bound/options.ts";
export type { BoundAlgorithm } from "./device-bound/proof.ts";

/**
 * Binds sessions to the browser that logged in, for the option `deviceBound` of `createSessions`. Experimental: Device
 * Bound Session Credentials are a draft of the W3C, and ship in Chrome for Windows.
 *
 * At `login` the response asks the browser to bind the session. A browser that supports it creates a key that cannot
 * be copied, and from then on proves every few minutes that it has the key. Requests of that session without a proof
 * find no session. Other browsers keep an ordinary cookie, and nothing changes for them.
 *
 * Needs https, and a store with compare-and-swap. See `docs/device-bound.md`.
 *
 * @throws `TypeError` when an option is wrong, and by `createSessions` for sessions that cannot be bound: in cookies,
 *   in a store without compare-and-swap, with another program's format, with `cookie.partitioned`.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { deviceBound } from "sojourn/device-bound";
 *
 * export const sessions = createSessions({ deviceBound: deviceBound({ mode: "report" }) });
 * sessions.on(({ type, handle, reason }) => {
 *   if (type === "binding_violated") console.warn(`session ${handle}: ${reason}`);
 * });
 * ```
 */
export function deviceBound(options: DeviceBoundOptions = {}): DeviceBinding {
  checkBound(options);
  return {
    use(core: BinderCore): Binder | undefined {
      const bound = boundConfig(options, core.config);
      if (core.config.cookie.secure) return new DeviceBinder(core, bound);
      core.config.warn("deviceBound has no effect with cookie: { secure: false }: browsers bind only over https");
      return undefined;
    },
  };
}
