/** Reports a cookie that the browser is going to drop. */

import { docs } from "../contracts/errors.ts";
import type { Events } from "../contracts/events.ts";

/** Reports that a secure cookie was sent over plain http. */
export function reportDropped(name: string, events: Events): void {
  events.emit(
    "cookie_dropped",
    {
      reason: `the cookie "${name}" was sent over plain http, where browsers drop it (Chrome and Firefox keep it for localhost and 127.0.0.1, Safari does not)`,
    },
    `For development, see ${docs}development.md#plain-http. Behind a proxy that ends https, tell the framework to trust it ` +
      `(Express, Nest: app.set("trust proxy", 1)): ${docs}guides/deployment.md#trust-the-proxy`,
  );
}
