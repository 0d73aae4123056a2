/**
 * Types of `attach: "session"` where a framework has a module of `sojourn/attached`: the compiler is the test. Those of
 * Fastify and Hono are left to their examples in doc comments: other tests and benchmarks have a `session` of their neighbours.
 */

// biome-ignore-all lint/style/noNamespace: as a program declares the keys

import type { Request as HapiRequest } from "@hapi/hapi";
import type { H3Event } from "h3";
import type { Request as PolkaRequest } from "polka";
import type { Request as RestifyRequest } from "restify";
import type { Session } from "sojourn";
import "sojourn/attached/h3";
import "sojourn/attached/hapi";
import "sojourn/attached/polka";
import "sojourn/attached/restify";

declare global {
  namespace Sojourn {
    interface Data {
      visits: number;
    }
  }
}

declare const h3: H3Event;
declare const hapi: HapiRequest;
declare const polka: PolkaRequest;
declare const restify: RestifyRequest;

const attached = [h3.context, hapi, polka, restify] as const;
export const sessions: readonly Session<Sojourn.Data>[] = attached.map(({ session }) => session);
export const visits: (number | undefined)[] = attached.map(({ session }) => session.update("visits", (n = 0) => n + 1));

// @ts-expect-error No such key.
for (const { session } of attached) session.data.visit = 1;
// @ts-expect-error Another type.
for (const { session } of attached) session.data.visits = "1";

// Each of them, and not only what they have in common.
// @ts-expect-error No such key.
h3.context.session.data.visit = 1;
// @ts-expect-error No such key.
hapi.session.data.visit = 1;
// @ts-expect-error No such key.
polka.session.data.visit = 1;
// @ts-expect-error No such key.
restify.session.data.visit = 1;
