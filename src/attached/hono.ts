/** Types for what the adapter of Hono attaches as `session`: `c.var.session`. Nothing runs. */

// biome-ignore-all lint/style/noNamespace: the data is declared where all can add to it
// biome-ignore-all lint/suspicious/noTsIgnore: where the framework is there, nothing is wrong
// Under another name: packages declare a `Session` in the modules of frameworks.
import type { Session as Attached } from "../core/contracts/session.ts";

/**
 * Import this module once, and `attach: "session"` is typed everywhere as `c.var.session`. Nothing is declared without it. The
 * keys of its data are declared as for `sojourn/attached`, in `Sojourn.Data`. For another name, see the page of Hono.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { createSessions } from "sojourn";
 * import "sojourn/attached/hono";
 * import { honoSessions } from "sojourn/frameworks/hono";
 *
 * const app = new Hono();
 * app.use(honoSessions(createSessions<Sojourn.Data>(), { attach: "session" }));
 * app.get("/", (c) => c.text(`Hello ${c.var.session.subject ?? "guest"}`));
 * ```
 */
declare global {
  namespace Sojourn {
    /** The data of the session that is attached: declare its keys in your program. */
    interface Data {}
  }
}

/** @ts-ignore: in this package itself the framework is not there. */
declare module "hono" {
  interface ContextVariableMap {
    /** What `attach: "session"` puts here. */
    session: Attached<Sojourn.Data>;
  }
}
