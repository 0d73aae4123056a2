/** Types for what the adapter of h3 attaches as `session`: `event.context.session`. Nothing runs. */

// biome-ignore-all lint/style/noNamespace: the data is declared where all can add to it
// biome-ignore-all lint/suspicious/noTsIgnore: where the framework is there, nothing is wrong
// Under another name: packages declare a `Session` in the modules of frameworks.
import type { Session as Attached } from "../core/contracts/session.ts";

/**
 * Import this module once, and `attach: "session"` is typed everywhere as `event.context.session`. Nothing is declared without it. The
 * keys of its data are declared as for `sojourn/attached`, in `Sojourn.Data`. For another name, see the page of h3.
 *
 * @example
 * ```ts
 * import { H3 } from "h3";
 * import { createSessions } from "sojourn";
 * import "sojourn/attached/h3";
 * import { h3Sessions } from "sojourn/frameworks/h3";
 *
 * const app = new H3();
 * app.use(h3Sessions(createSessions<Sojourn.Data>(), { attach: "session" }));
 * app.get("/", ({ context }) => `Hello ${context.session.subject ?? "guest"}`);
 * ```
 */
declare global {
  namespace Sojourn {
    /** The data of the session that is attached: declare its keys in your program. */
    interface Data {}
  }
}

/** @ts-ignore: in this package itself the framework is not there. */
declare module "h3" {
  interface H3EventContext {
    /** What `attach: "session"` puts here. */
    session: Attached<Sojourn.Data>;
  }
}
