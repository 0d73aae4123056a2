/**
 * A page for administrators: who is logged in where, and the buttons that end it.
 *
 * @module
 */

import { type AdminNodeRequest, type AdminNodeResponse, ofFetch, ofNode, toFetch, toNode } from "./admin/http.ts";
import { type AdminAct, type AdminContext, answer } from "./admin/page.ts";
import { Counter, Recent } from "./admin/recent.ts";
import type { Audit } from "./audit.ts";
import { isSessionError, received, wrongArgument } from "./core/contracts/errors.ts";
import { checkKnown } from "./core/contracts/known.ts";
import { callable } from "./core/options/checks.ts";
import type { Sessions } from "./core/request/sessions.ts";

export type { AdminNodeRequest, AdminNodeResponse } from "./admin/http.ts";
export type { AdminAct } from "./admin/page.ts";

/** Options of {@link adminPage}. */
export interface AdminOptions<Request extends object = object> {
  /**
   * Returns the subject of the administrator, for the audit. `undefined`, `null` or `false`: not an administrator,
   * and the response is a 403. Called for each request, and again for each act: `"view"`, `"data"` (the data of one
   * session), `"end"`, `"end-subject"`, `"end-everybody"`; so that you can let support staff view sessions but not
   * end them.
   */
  readonly authorize: (request: Request, act: AdminAct) => Authorized | Promise<Authorized>;
  /** Records each act: the result of `sessionAudit`. `false` records none. */
  readonly audit: Audit | false;
  /**
   * Returns the session data to show. Leave out what administrators must not see. The audit records each look. Default:
   * no data is shown.
   */
  readonly data?: ((data: Readonly<Record<string, unknown>>, subject: string | undefined) => unknown) | undefined;
  /**
   * The origin of the page as browsers see it, such as `"https://admin.example.com"`, for a proxy that changes the header
   * `Host`. Default: what the browser says of the request, and else the header.
   */
  readonly origin?: string | undefined;
}

/** What `authorize` answers: the subject of an administrator, or none. */
export type Authorized = string | undefined | null | false;

/** The page. Mount it at one path, for GET and POST. */
export interface AdminPage {
  /** For fetch handlers: Hono, SvelteKit, Next, Workers and so on. */
  fetch(request: Request): Promise<Response>;
  /**
   * For `node:http`, Express, Connect, and Fastify's `request.raw`. What `authorize` throws goes to `next`; without one
   * the answer is 500.
   */
  node(request: AdminNodeRequest, response: AdminNodeResponse, next?: (error?: unknown) => void): Promise<void>;
}

/**
 * Creates the page: a search by user or handle, the sessions with their devices, the details of one, live counts, the
 * last events, and buttons that end one session, all of a user, or all. It needs no script, no build step and no
 * other server.
 *
 * Only the page's own forms change anything: a request from another site gets a 403.
 *
 * @typeParam Request What the framework hands its handlers, for `authorize`.
 * @throws `TypeError` when `authorize` or `audit` is missing, or an option is wrong.
 * @example
 * ```ts
 * import express from "express";
 * import { createSessions } from "sojourn";
 * import { adminPage } from "sojourn/admin";
 * import { sessionAudit } from "sojourn/audit";
 * import { auditFile } from "sojourn/audit/file";
 * import { expressSessions } from "sojourn/frameworks/express";
 *
 * const sessions = createSessions<{ role: string }>();
 * const audit = sessionAudit(sessions, { to: auditFile({ path: "audit.jsonl" }) });
 * const admin = adminPage<express.Request>(sessions, {
 *   audit,
 *   async authorize(req) {
 *     const session = await sessions.get(req);
 *     return session.data.role === "admin" && session.subject;
 *   },
 * });
 *
 * const app = express().use(expressSessions(sessions));
 * app.all("/admin/sessions", admin.node);
 * ```
 */
export function adminPage<Request extends object = object, Data extends object = Record<string, unknown>>(
  sessions: Sessions<Data>,
  options: AdminOptions<Request>,
): AdminPage {
  checkKnown("adminPage", options, ["authorize", "audit", "data", "origin"]);
  const { authorize, audit, origin } = options;
  if (typeof authorize !== "function")
    throw new TypeError(
      `adminPage needs authorize, a function of the request that answers the subject of an administrator or nothing; ${received(authorize)}`,
    );
  if (audit !== false && typeof audit?.as !== "function")
    throw new TypeError(
      `adminPage needs audit, where each act is noted: sessionAudit(sessions, { to }), or false to note none; ${received(audit)}`,
    );
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).origin !== origin))
    throw wrongArgument("origin", 'an origin, such as "https://admin.example.com"', origin);
  const redact = callable("data", options.data);
  const kept = (Object(sessions) as Partial<Sessions<Data>>).kept;
  if (!kept || kept.kinds.length === 0)
    throw wrongArgument("the first argument of adminPage()", "sessions of createSessions()", sessions);

  const recent = new Recent();
  kept.on(recent.listener, true);
  const context: AdminContext = {
    sessions: sessions as never,
    counter: new Counter(sessions as never),
    ...{ recent, origin, redact },
    async noted(by, act, about, run) {
      if (audit === false) return run();
      const type = `admin_${act.replace("-", "_")}`;
      audit.record({ type, by, ...about });
      try {
        return await audit.as(by, run);
      } catch (error) {
        audit.record({ type: `${type}_failed`, by, ...about, reason: isSessionError(error) ? error.code : undefined });
        throw error;
      }
    },
  };
  const asking =
    (request: object) =>
    async (act: AdminAct): Promise<string | undefined> => {
      const who = await authorize(request as Request, act);
      if (typeof who === "string" && who !== "") return who;
      if (who === undefined || who === null || who === false) return undefined;
      throw wrongArgument("the answer of authorize", "the subject of an administrator, or undefined", who);
    };
  return {
    async fetch(request) {
      return toFetch(await answer(context, ofFetch(request, asking(request))), request.method);
    },
    async node(request, response, next) {
      try {
        toNode(await answer(context, ofNode(request, asking(request))), request.method, response);
      } catch (error) {
        if (next) return next(error);
        if (!response.headersSent) response.statusCode = 500;
        response.end("Internal Server Error\n");
      }
    },
  };
}
