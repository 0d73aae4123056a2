/** React Router 8 and 7: the framework suite through the middleware and React Router's own request handler, and its `SessionStorage`. */

import {
  createContext,
  createRequestHandler,
  createSessionStorage,
  data,
  isRouteErrorResponse,
  isSession,
  type MiddlewareFunction,
  RouterContextProvider,
  redirect,
  type ServerBuild,
} from "react-router";
import { RouterContextProvider as Context7, createRequestHandler as createRequestHandler7 } from "react-router7";
import { createSessions, isSessionError, type Session, type Sessions } from "sojourn";
import { reactRouterSessions, reactRouterStorage } from "sojourn/frameworks/react-router";
import { cookieStore } from "sojourn/stores/cookie";
import { type FrameworkHarness, frameworkConformance } from "sojourn/testing";
import { describe, expect, test } from "vitest";
import { cookieOf, faultySessions, ours } from "../support/faulty-sessions.ts";
import { responseOf } from "../support/fetch-reply.ts";
import { serveFetch } from "../support/fetch-server.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({
  backend: "react-router",
  server: nodeServer,
  clients: [clientVersion("react-router"), clientVersion("react-router7")],
});

type Modules = Record<string, object>;
type Args = { request: Request; context: RouterContextProvider };

/** What `react-router build` makes of an application: the root route, and those in it by path. */
function buildOf(root: object, routes: Modules, entry: object = {}): ServerBuild {
  const inside = Object.entries(routes).map(([path, module]) => {
    const place = path === "" ? { index: true } : { path };
    return [path || "index", { id: path || "index", parentId: "root", ...place, module }];
  });
  const build = {
    routes: { root: { id: "root", path: "", module: root }, ...Object.fromEntries(inside) },
    entry: { module: { handleError: () => {}, ...entry } },
    assets: { version: "1", url: "/manifest.js", entry: { module: "", imports: [] }, routes: {} },
    publicPath: "/",
    assetsBuildDirectory: "",
    future: { v8_middleware: true },
    ssr: true,
    isSpaMode: false,
    prerender: [],
    routeDiscovery: { mode: "initial", manifestPath: "/__manifest" },
  };
  return build as unknown as ServerBuild;
}

const versions = [
  [clientVersion("react-router"), createRequestHandler, RouterContextProvider],
  [clientVersion("react-router7"), createRequestHandler7 as unknown as typeof createRequestHandler, Context7],
] as const;

function harnessOf(name: string, createHandler: typeof createRequestHandler): FrameworkHarness {
  return {
    name,
    lacks: {
      file: "React Router sends no files",
      "error page": "React Router answers what is thrown with 500, and its boundaries get no request",
    },
    start({ sessions, attach, handle }) {
      const key = createContext<Session>();
      const middleware: MiddlewareFunction<Response>[] = sessions.map((one) =>
        reactRouterSessions(one, attach === undefined ? {} : { attach: key }),
      );
      // The suite looks for what is attached among the properties; here it is in the context.
      if (attach !== undefined)
        middleware.push(async ({ context }) => void Object.assign(context, { [attach]: context.get(key) }));
      const route = async ({ request, context }: Args): Promise<Response> => {
        const { pathname, search } = new URL(request.url);
        const reply = await handle(context, pathname + search, () => request.text());
        return responseOf(reply, { redirect });
      };
      const build = buildOf({ middleware }, { "*": { loader: route, action: route } });
      return listen(serveFetch(createHandler(build, "production") as (request: Request) => Promise<Response>));
    },
  };
}

for (const [name, createHandler] of versions) {
  const harness = harnessOf(name, createHandler);
  describeCases(harness.name, frameworkConformance(harness));
  describeCaches(harness);
}

interface Data {
  a: string;
  visits: number;
}

const setup = faultySessions<Data>;

const ask = (path: string, cookie = "", method = "GET"): Request =>
  new Request(`https://shop.test${path}`, { method, headers: { cookie } });

/** A page of its own: it shows what its loader gave, and its errors. */
function page(module: object): object {
  return { default: () => null, ErrorBoundary: () => null, ...module };
}

/** What React renders, without React: the loader's data, or the error, as JSON. */
const entry = {
  default(_request: Request, status: number, headers: Headers, context: { staticHandlerContext: Rendered }) {
    const { loaderData, errors } = context.staticHandlerContext;
    const shown = errors ? Object.values(errors)[0] : loaderData;
    return new Response(JSON.stringify(shown instanceof Error ? { message: shown.message } : shown), {
      status,
      headers,
    });
  },
};

interface Rendered {
  readonly loaderData: object;
  readonly errors: Record<string, unknown> | null;
}

describe.each(versions)("reactRouterSessions, %s", (_name, createHandler, Context) => {
  const serve = (sessions: Sessions<Data>, routes: Modules, options = {}, errors: unknown[] = []) => {
    const handleError = (error: unknown): void => void errors.push(error);
    const build = buildOf({ middleware: [reactRouterSessions(sessions, options)] }, routes, { ...entry, handleError });
    return createHandler(build, "production") as (request: Request) => Promise<Response>;
  };

  test("an action and the loaders after it have the same session, in documents and in single fetch", async () => {
    const { sessions } = setup();
    const module = page({
      action: async ({ context }: Args) => ((await sessions.get(context)).data.a = "1"),
      loader: async ({ context }: Args) => ({ ...(await sessions.get(context)).data }),
    });
    const handler = serve(sessions, { cart: module });
    const posted = await handler(ask("/cart", "", "POST"));
    expect(await posted.json()).toEqual({ cart: { a: "1" } });
    expect(ours(posted)).toHaveLength(1);
    expect([posted.headers.get("vary"), posted.headers.get("cache-control")]).toEqual(["Cookie", "no-store"]);
    const fetched = await handler(ask("/cart.data", cookieOf(posted).cookie));
    expect(await fetched.text()).toContain('"a","1"');
    expect(ours(fetched)).toEqual([]);
  });

  test("a thrown redirect, and data() with its own status, are no failures", async () => {
    const { sessions } = setup();
    const change = async (context: object, value: string): Promise<void> => {
      (await sessions.get(context)).data.a = value;
    };
    const handler = serve(sessions, {
      go: page({
        loader: async ({ context }: Args) => {
          await change(context, "1");
          throw redirect("/read");
        },
      }),
      missing: page({
        loader: async ({ context }: Args) => {
          await change(context, "2");
          throw data("not here", { status: 404 });
        },
      }),
      read: page({ loader: async ({ context }: Args) => ({ ...(await sessions.get(context)).data }) }),
    });
    const gone = await handler(ask("/go"));
    expect([gone.status, gone.headers.get("location"), ours(gone).length]).toEqual([302, "/read", 1]);
    const { cookie } = cookieOf(gone);
    expect(await (await handler(ask("/read", cookie))).json()).toEqual({ read: { a: "1" } });
    expect((await handler(ask("/missing", cookie))).status).toBe(404);
    expect(await (await handler(ask("/read", cookie))).json()).toEqual({ read: { a: "2" } });
    const fetched = await handler(ask("/go.data"));
    expect([fetched.status, ours(fetched).length]).toEqual([202, 1]);
  });

  test("a loader that throws changes nothing; what was saved before stays, and its cookie is sent", async () => {
    const { sessions } = setup();
    const handler = serve(sessions, {
      fail: page({
        loader: async ({ context }: Args) => {
          const session = await sessions.get(context);
          session.data.a = "saved";
          await session.save();
          session.data.a = "lost";
          throw new Error("a mistake");
        },
      }),
      read: page({ loader: async ({ context }: Args) => ({ ...(await sessions.get(context)).data }) }),
    });
    const failed = await handler(ask("/fail"));
    expect([failed.status, ours(failed).length]).toEqual([500, 1]);
    expect(await (await handler(ask("/read", cookieOf(failed).cookie))).json()).toEqual({ read: { a: "saved" } });
  });

  test("an outage reaches the boundary with 503, is logged once, and no cookie is sent", async () => {
    const { sessions, state } = setup();
    const errors: unknown[] = [];
    const routes = {
      page: page({
        loader: async ({ context }: Args) => {
          (await sessions.get(context)).data.a = "1";
          state.fault = "throw-before";
          return { secret: true };
        },
      }),
      resource: {
        loader: async ({ context }: Args) => {
          (await sessions.get(context)).data.a = "1";
          return new Response("secret");
        },
      },
    };
    const handler = serve(sessions, routes, {}, errors);
    for (const path of ["/page", "/resource"]) {
      for (const cookie of ["", `__Host-session=${"A".repeat(43)}`]) {
        errors.splice(0);
        const answer = await handler(ask(path, cookie));
        expect([answer.status, ours(answer)]).toEqual([503, []]);
        expect(await answer.text()).toContain("Unexpected Server Error");
        expect(errors.map((error) => isSessionError(error) || isRouteErrorResponse(error))).toEqual([true]);
      }
    }
  });

  test("attach puts the session into the context", async () => {
    const { sessions, state } = setup();
    const visitor = createContext<Session<Data>>();
    const read = ({ context }: Args) => ({ visits: context.get(visitor).update("visits", (n = 0) => n + 1) });
    const handler = serve(sessions, { page: page({ loader: read }) }, { attach: visitor });
    expect(await (await handler(ask("/page"))).json()).toEqual({ page: { visits: 1 } });
    state.fault = "throw-before";
    expect((await handler(ask("/page", `__Host-session=${"A".repeat(43)}`))).status).toBe(503);
  });

  test("requests given one context one after the other get separate sessions", async () => {
    const { sessions } = setup();
    const shared = new Context();
    const show = async ({ context }: Args) => (await sessions.get(context)).data.a ?? "none";
    const set = async ({ context }: Args) => ((await sessions.get(context)).data.a = "1");
    const handler = serve(sessions, { page: page({ loader: show, action: set }) }) as (
      request: Request,
      context: object,
    ) => Promise<Response>;
    await handler(ask("/page", "", "POST"), shared);
    expect(await (await handler(ask("/page"), shared)).json()).toEqual({ page: "none" });
  });

  test("a context given to a second request at once is an error, and mixes no sessions", async () => {
    const { sessions } = setup();
    const shared = new Context();
    const waiting = Promise.withResolvers<void>();
    const handler = serve(sessions, {
      slow: page({
        async loader({ context }: Args) {
          await waiting.promise;
          return (await sessions.get(context)).data.a ?? "none";
        },
      }),
      page: page({ action: async ({ context }: Args) => ((await sessions.get(context)).data.a = "1") }),
    }) as (request: Request, context: object) => Promise<Response>;
    const slow = handler(ask("/slow"), shared);
    expect((await handler(ask("/page", "", "POST"), shared)).status).toBe(500);
    waiting.resolve();
    expect(await (await slow).json()).toEqual({ slow: "none" });
    expect((await handler(ask("/page", "", "POST"), shared)).status).toBe(200);
  });

  test("a cookie over plain http causes a warning, unless secure says that a proxy uses https", async () => {
    for (const [url, options, expected] of [
      ["http://shop.test/page", {}, 1],
      ["https://shop.test/page", {}, 0],
      ["http://shop.test/page", { secure: () => true }, 0],
    ] as const) {
      const { sessions, state } = setup();
      const set = async ({ context }: Args) => ((await sessions.get(context)).data.a = "1");
      await serve(sessions, { page: page({ loader: set }) }, options)(new Request(url));
      expect(state.warnings).toHaveLength(expected);
    }
  });
});

test("wrong options are refused where they are passed", () => {
  const { sessions } = setup();
  expect(() => reactRouterSessions(sessions, { attach: "session" as never })).toThrow(
    "attach must be what createContext() of React Router gives; received a string of 7 characters",
  );
  expect(() => reactRouterSessions(sessions, { secure: true as never })).toThrow("secure must be a function");
  expect(() => reactRouterSessions(sessions, { streaming: 1 as never })).toThrow("streaming must be true or false");
});

interface Flash {
  notice: string;
}

/** React Router's own storage, on a map: what it does is what ours has to do. */
function theirs() {
  const records = new Map<string, object>();
  return createSessionStorage<Data, Flash>({
    cookie: { name: "__session", secrets: ["s3cret"] },
    async createData(data) {
      const id = crypto.randomUUID();
      records.set(id, data);
      return id;
    },
    readData: async (id) => (records.get(id) as never) ?? null,
    updateData: async (id, data) => void records.set(id, data),
    deleteData: async (id) => void records.delete(id),
  });
}

const pair = (setCookie: string): string => setCookie.split(";")[0] as string;

describe.each([
  ["of React Router", theirs],
  ["of sojourn", () => reactRouterStorage<Data, Flash>(setup().sessions)],
])("a session storage %s", (_name, make) => {
  test("a set value is kept from one request to the next", async () => {
    const { getSession, commitSession } = make();
    const session = await getSession(null);
    expect([session.id, session.data, session.has("a"), session.get("a")]).toEqual(["", {}, false, undefined]);
    session.set("a", "1");
    expect([session.data, session.has("a"), session.get("a")]).toEqual([{ a: "1" }, true, "1"]);
    const cookie = pair(await commitSession(session as never));
    const again = await getSession(cookie);
    expect([again.get("a"), typeof again.id, again.id === "", isSession(again)]).toEqual(["1", "string", false, true]);
    again.unset("a");
    await commitSession(again as never);
    expect((await getSession(cookie)).data).toEqual({});
  });

  test("a flashed value is returned once, and kept until it is read and committed", async () => {
    const { getSession, commitSession } = make();
    const first = await getSession();
    first.flash("notice", "saved");
    const cookie = pair(await commitSession(first as never));
    const second = await getSession(cookie);
    expect([second.has("notice"), second.data]).toEqual([true, { __flash_notice__: "saved" }]);
    expect([second.get("notice"), second.get("notice"), second.has("notice")]).toEqual(["saved", undefined, false]);
    expect((await getSession(cookie)).get("notice")).toBe("saved");
    await commitSession(second as never);
    expect((await getSession(cookie)).get("notice")).toBeUndefined();
  });

  test("a set value hides a flashed one", async () => {
    const session = await make().getSession();
    session.flash("notice", "flashed");
    (session as unknown as { set(name: string, value: string): void }).set("notice", "set");
    expect([session.get("notice" as never), session.get("notice" as never)]).toEqual(["set", "set"]);
    session.unset("notice" as never);
    expect(session.get("notice")).toBe("flashed");
  });

  test("uncommitted changes are not kept", async () => {
    const { getSession, commitSession } = make();
    const session = await getSession();
    session.set("a", "1");
    const cookie = pair(await commitSession(session as never));
    (await getSession(cookie)).set("a", "2");
    expect((await getSession(cookie)).get("a")).toBe("1");
  });

  test("destroySession ends the session, and returns the header that removes the cookie", async () => {
    const { getSession, commitSession, destroySession } = make();
    const session = await getSession();
    session.set("a", "1");
    const cookie = pair(await commitSession(session as never));
    const removal = await destroySession((await getSession(cookie)) as never);
    expect(removal).toContain("=; ");
    expect(removal).toContain("Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    expect((await getSession(cookie)).data).toEqual({});
  });
});

describe("reactRouterStorage", () => {
  const storageOf = () => {
    const { sessions, state } = setup();
    return { ...reactRouterStorage<Data, Flash>(sessions), sessions, state };
  };

  test("the cookie has the attributes of the sessions; the next commit has no header to send", async () => {
    const { getSession, commitSession } = storageOf();
    const session = await getSession(null);
    session.set("a", "1");
    const header = await commitSession(session);
    expect(header).toMatch(/^__Host-session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    const again = await getSession(pair(header));
    again.set("a", "2");
    expect(await commitSession(again)).toBe("");
    expect(await commitSession(await getSession(null))).toBe("");
  });

  test("maxAge makes the cookie persistent; other attributes are refused", async () => {
    const { getSession, commitSession } = storageOf();
    const session = await getSession();
    session.set("a", "1");
    await expect(commitSession(session, { httpOnly: false } as never)).rejects.toThrow(
      'commitSession takes maxAge and expires; "httpOnly" is an option of createSessions (cookie)',
    );
    expect(await commitSession(session, { maxAge: 60 })).toContain("; Max-Age=");
  });

  test("two parallel requests that change different keys both keep their changes", async () => {
    const { getSession, commitSession } = storageOf();
    const session = await getSession();
    session.set("a", "1");
    const cookie = pair(await commitSession(session));
    const [one, two] = await Promise.all([getSession(cookie), getSession(cookie)]);
    one.set("a", "2");
    two.set("visits", 3);
    await Promise.all([commitSession(one), commitSession(two)]);
    expect((await getSession(cookie)).data).toEqual({ a: "2", visits: 3 });
  });

  test("a session destroyed during the request does not come back, and cannot be changed", async () => {
    const { getSession, commitSession, destroySession } = storageOf();
    const session = await getSession();
    session.set("a", "1");
    const cookie = pair(await commitSession(session));
    const slow = await getSession(cookie);
    slow.set("a", "2");
    const ended = await getSession(cookie);
    await destroySession(ended);
    expect(await commitSession(slow)).toBe("");
    expect((await getSession(cookie)).data).toEqual({});
    expect(() => ended.set("a", "3")).toThrow("the session was destroyed in this request");
  });

  test("the session itself is available: login renews the id", async () => {
    const { getSession, commitSession } = storageOf();
    const guest = await getSession();
    guest.set("a", "1");
    const cookie = pair(await commitSession(guest));
    const session = await getSession(cookie);
    session.sojourn.login("ada");
    const renewed = pair(await commitSession(session));
    expect(renewed).not.toBe(cookie);
    expect([(await getSession(renewed)).sojourn.subject, (await getSession(cookie)).data]).toEqual(["ada", {}]);
  });

  test("an outage is an error that React Router answers with 503", async () => {
    const { getSession, commitSession, state } = storageOf();
    const session = await getSession();
    session.set("a", "1");
    state.fault = "throw-before";
    const failing = [commitSession(session), getSession(`__Host-session=${"A".repeat(43)}`)];
    for (const error of await Promise.all(failing.map((one) => one.catch((reason: unknown) => reason)))) {
      expect([isSessionError(error), isRouteErrorResponse(error)]).toEqual([true, true]);
      expect((error as { status: number }).status).toBe(503);
    }
  });

  test("a session of another storage is refused, and so is a storage with several cookies", async () => {
    const { commitSession, destroySession } = storageOf();
    const other = await theirs().getSession();
    for (const call of [commitSession, destroySession])
      await expect(call(other)).rejects.toThrow("the session must be one that getSession of this storage gave");
    const inCookies = createSessions<Data>({ store: cookieStore({ secrets: "x".repeat(32), chunks: 3 }) });
    const storage = reactRouterStorage(inCookies);
    const large = await storage.getSession();
    large.set("a", "x".repeat(5000));
    await expect(storage.commitSession(large)).rejects.toThrow("the session needs several cookies");
  });
});
