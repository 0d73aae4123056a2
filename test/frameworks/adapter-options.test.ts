/** What every adapter refuses before the first request: options that it does not have, and anything but sessions. */

import { EventEmitter } from "node:events";
import { createSessions } from "sojourn";
import { astroSessions } from "sojourn/frameworks/astro";
import { elysiaSessions } from "sojourn/frameworks/elysia";
import { expressSessions } from "sojourn/frameworks/express";
import { fastifySessions } from "sojourn/frameworks/fastify";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { h3Sessions } from "sojourn/frameworks/h3";
import { hapiSessions } from "sojourn/frameworks/hapi";
import { honoSessions } from "sojourn/frameworks/hono";
import { koaSessions } from "sojourn/frameworks/koa";
import { currentSession, nestSessions } from "sojourn/frameworks/nest";
import { nextSessions } from "sojourn/frameworks/next";
import { connectSessions, nodeSessions, openSessions } from "sojourn/frameworks/node";
import { nuxtSessions } from "sojourn/frameworks/nuxt";
import { polkaSessions } from "sojourn/frameworks/polka";
import { reactRouterSessions, reactRouterStorage } from "sojourn/frameworks/react-router";
import { restifySessions } from "sojourn/frameworks/restify";
import { svelteKitSessions } from "sojourn/frameworks/sveltekit";
import { wsSessions } from "sojourn/frameworks/ws";
import { memoryStore } from "sojourn/stores/memory";
import { expect, test } from "vitest";

type Adapter = (...args: unknown[]) => unknown;
const needed = { cookies: () => {}, headers: () => {} };
/** By name: the adapter, and what it needs besides sessions. */
const adapters = Object.entries({
  astroSessions: [astroSessions],
  elysiaSessions: [elysiaSessions],
  expressSessions: [expressSessions],
  fastifySessions: [fastifySessions],
  fetchSessions: [fetchSessions],
  h3Sessions: [h3Sessions],
  hapiSessions: [hapiSessions],
  honoSessions: [honoSessions],
  koaSessions: [koaSessions],
  nestSessions: [nestSessions],
  nextSessions: [nextSessions, needed],
  nuxtSessions: [nuxtSessions],
  connectSessions: [connectSessions],
  nodeSessions: [nodeSessions],
  openSessions: [openSessions],
  polkaSessions: [polkaSessions],
  reactRouterSessions: [reactRouterSessions],
  restifySessions: [restifySessions, { server: new EventEmitter() }],
  svelteKitSessions: [svelteKitSessions],
  wsSessions: [wsSessions],
} as unknown as Record<string, [Adapter, object?]>);

const store = memoryStore();
const sessions = createSessions({ store });

test.each(adapters)("%s refuses an unknown option, and suggests the one that was meant", (name, [adapter, more]) => {
  expect(() => adapter(sessions, { ...more, acess: () => "read" })).toThrow(
    new RegExp(`^${name}: there is no option "acess"; did you mean "access"\\? There are `),
  );
  expect(() => adapter(sessions, "session")).toThrow(
    new RegExp(`^the argument of ${name}\\(\\) must be an object of options`),
  );
  expect(() => adapter(sessions, { ...more, access: undefined })).not.toThrow();
});

test.each([
  ...adapters,
  ["reactRouterStorage", [reactRouterStorage as Adapter]],
  ["currentSession", [currentSession as Adapter]],
] as [string, [Adapter, object?]][])(
  "%s requires sessions, and shows the line for what it got instead",
  (name, [adapter, more]) => {
    const line = (rest: string): string => `${name} takes sessions first, as in ${name}(createSessions(${rest}`;
    expect(() => adapter(undefined, more)).toThrow(`${line("))")}; received undefined`);
    expect(() => adapter(store, more)).toThrow(`${line("{ store }))")}; received a store`);
    expect(() => adapter({ store, attach: "session" }, more)).toThrow(`${line("{ … }), options)")}; received options`);
    expect(() => adapter(createSessions, more)).toThrow(
      `${line("))")}; received a function; is it createSessions, which`,
    );
  },
);
