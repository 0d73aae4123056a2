/** Types for what adapters attach as `session`: `req.session` of Express and Nest, `locals.session` of SvelteKit and Astro. Nothing runs. */

// biome-ignore-all lint/style/noNamespace: what frameworks declare for all to add to are namespaces
import type { Session } from "./core/contracts/session.ts";

/**
 * Import this module once, and `attach: "session"` is typed everywhere. Nothing is declared without it. Fastify, h3,
 * Hapi, Hono, Polka and Restify have a module each, such as `sojourn/attached/fastify`. For another name, see the page of
 * the framework.
 *
 * `@types/express-session` declares `req.session`, too. It may be installed; in one program with this module the
 * compiler reports TS2717, for one request cannot have both. Keep it out by `"types": ["node"]` in `tsconfig.json`, or
 * give the session of this package another name.
 *
 * @example
 * ```ts
 * import express from "express";
 * import { createSessions } from "sojourn";
 * import "sojourn/attached";
 * import { expressSessions } from "sojourn/frameworks/express";
 *
 * declare global {
 *   namespace Sojourn {
 *     interface Data {
 *       visits: number;
 *     }
 *   }
 * }
 *
 * const app = express();
 * app.use(expressSessions(createSessions<Sojourn.Data>(), { attach: "session" }));
 * app.get("/", (req, res) => {
 *   res.send(`visit ${req.session.update("visits", (n = 0) => n + 1)}`);
 * });
 * ```
 */
declare global {
  namespace Sojourn {
    /** The data of the session that is attached: declare its keys in your program. */
    interface Data {}
  }
  namespace Express {
    interface Request {
      /** What `attach: "session"` puts here. */
      session: Session<Sojourn.Data>;
    }
  }
  namespace App {
    interface Locals {
      /** What `attach: "session"` puts here. */
      session: Session<Sojourn.Data>;
    }
  }
}
