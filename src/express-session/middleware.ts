/** The drop-in for express-session: its options, its middleware, its `req.session`, over a request's record. */

import { sha256 } from "#crypto";
import { andThen } from "../core/bytes/bytes.ts";
import type { IdScheme } from "../core/client/id.ts";
import { bareToken } from "../core/client/token.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import type { Store as SojournStore } from "../core/contracts/store.ts";
import type { Exchange } from "../core/request/exchange.ts";
import { makeCore, storesOf } from "../core/request/one-record.ts";
import type { RequestReader } from "../core/request/reader.ts";
import { Sessions } from "../core/request/sessions.ts";
import type { SessionsCore } from "../core/save/request-record.ts";
import { ConnectRequest } from "../frameworks/shared/node-request.ts";
import type { NodeResponse } from "../frameworks/shared/node-shapes.ts";
import { checkKinds, warnOfOptions } from "./checks.ts";
import { readCookie } from "./cookie.ts";
import { deprecate } from "./deprecate.ts";
import { contentOf, dropInFormat } from "./drop-in-format.ts";
import { plainIds } from "./ids.ts";
import { npmRecords, npmStores } from "./npm-records.ts";
import { type ExpressSessionOptions, type Resolved, resolveOptions } from "./options.ts";
import { ExpressKept } from "./request.ts";
import type { ExpressRequest, ExpressStore } from "./session.ts";
import type { ExpressResponse } from "./shapes.ts";
import type { Shared } from "./shared.ts";
import { type ExpressSecret, unsign } from "./signature.ts";
import { MemoryStore } from "./store.ts";
import { StoreFacade } from "./store-facade.ts";

/** What {@link makeMiddleware} gives: a middleware for Express and Connect, and the sessions behind it. */
export interface ExpressSessionMiddleware<Data extends object = Record<string, unknown>> {
  (request: object, response: object, next: (error?: unknown) => void): void;
  /** The same sessions by sojourn's own API: `sessions.get(req)` is the session of `req.session`, in the same request. */
  readonly sessions: Sessions<Data>;
}

/** By request. Any middleware on a store may be asked to begin a session, since the last one wrote `generate`: the request's own does. */
const kept = new WeakMap<object, ExpressKept>();

/** The middleware for some options. */
export function makeMiddleware<Data extends object>(given: ExpressSessionOptions = {}): ExpressSessionMiddleware<Data> {
  checkKinds(given ?? {});
  const options = resolveOptions(given ?? {});
  const shared = sharedOf(options, given ?? {});
  const { store, core } = shared;
  warnOfOptions(given ?? {}, core.config.warn);
  const sessions = new Sessions<Data>({
    // Express-session saves what a handler has changed, however it ends.
    config: { ...core.config, saveOnError: true },
    // Its ids are in another middleware's cookie.
    kinds: [],
    subjects: core.subjects,
    stores: shared.ours ? storesOf([core.config]) : [],
    on: (listener, observes) => core.config.events.add(listener, observes),
    begin(incoming) {
      const begun = kept.get(incoming.request) as ExpressKept<Data> | undefined;
      if (begun) return begun.resume(incoming);
      throw new TypeError("this request has no session: the middleware of express-session has not seen it");
    },
  });
  let ready = true;
  store.on?.("disconnect", () => {
    ready = false;
  });
  store.on?.("connect", () => {
    ready = true;
  });
  store.generate = (request) => kept.get(request)?.generate();
  const middleware = (request: object, response: object, next: (error?: unknown) => void): void => {
    const req = request as ExpressRequest;
    if (req.session || !ready || !pathOf(req).startsWith(options.pathFor(req))) return void next();
    const secrets = options.secrets ?? (req.secret ? [req.secret] : undefined);
    if (!secrets) return void next(new Error("secret option required for sessions"));
    req.sessionStore = store;
    const id = idIn(req, options.name, secrets);
    req.sessionID = id;
    const res = response as ExpressResponse;
    const own = new ExpressKept(shared, req, id, secrets, {
      isError: () => (res.statusCode ?? 0) >= 500,
      tell: (error) => afterwards(res, () => next(error)),
    });
    kept.set(req, own);
    const opened = isWhole(res) ? new ConnectRequest(sessions, req, res, next, options.isSecure) : undefined;
    if (opened) kept.set(opened, own);
    const exchange = opened?.exchange ?? openWithoutResponse(sessions, req, res, own);
    const loading = own.start();
    if (!loading) {
      exchange.get().catch(next);
      return void exchange.run(next);
    }
    // Out of the promise: what a handler throws is thrown as if there was none.
    loading.then(
      () => {
        exchange.get().catch(next);
        process.nextTick(() => exchange.run(next));
      },
      (error) => process.nextTick(next, error),
    );
  };
  return Object.assign(middleware, { sessions });
}

function sharedOf(
  options: Resolved,
  { store = new MemoryStore(), now, warn, keyPrefix }: ExpressSessionOptions,
): Shared {
  const common = {
    token: bareToken(),
    format: dropInFormat(options.subjectPath),
    cookie: { secure: false },
    idleTimeout: options.ttl / 1000,
    absoluteTimeout: false,
    now,
    warn,
  } as const;
  if (isOurs(store)) {
    const { foreign } = store;
    const ids = foreign === undefined ? hashedIds(keyPrefix ?? "sess:") : plainIds(keyPrefix ?? foreign);
    const core = makeCore({ ...common, store, ids });
    const kept = { ...options, genid: fitting(options, ids, foreign === undefined ? anyId : keyId) };
    return { core, options: kept, store: new StoreFacade(core, kept) as unknown as ExpressStore, ours: true };
  }
  const base = makeCore({ ...common, store: elsewhere, ids: plainIds("") });
  const records = npmRecords(store, (stored) => contentOf(stored, options.subjectPath));
  const { subjects } = base;
  const core: SessionsCore = { ...base, records, within: () => ({ records, subjects }) };
  if (process.env["NODE_ENV"] === "production" && Object.getPrototypeOf(store) === MemoryStore.prototype)
    core.config.warn(
      "express-session keeps sessions in a MemoryStore: each process has its own, and they end with the process. " +
        "Give it a store, such as redisStore({ client }).",
    );
  return { core, options, store, ours: false };
}

function isOurs(store: ExpressStore | SojournStore): store is SojournStore {
  return "capabilities" in store && typeof (store as SojournStore).read === "function";
}

const anyId = "a text of at most 1000 characters";
const keyId =
  "1 to 99 printable ASCII characters without spaces: with a layout of another store it is a part of the key";

/** Wraps `genid`. Throws for an id under which the session could not be found again. */
function fitting({ genid }: Resolved, ids: IdScheme, takes: string): Resolved["genid"] {
  return (request) => {
    const id = genid(request);
    if (ids.accepts(id)) return id;
    throw wrongArgument("the result of genid", takes, id);
  };
}

/** The key is a hash, so that a stolen copy of the store gives no access. Whatever we signed is an id. */
function hashedIds(prefix: string): IdScheme {
  return {
    prefix,
    create: () => crypto.randomUUID(),
    accepts: (id) => id.length > 0 && id.length <= 1000,
    keyOf: (id) => andThen(sha256(id), (digest) => prefix + digest),
  };
}

/** A request without a response to hold: an upgrade, or a socket's. The cookie goes with `writeHead`, if there is one. */
function openWithoutResponse<Data extends object>(
  sessions: Sessions<Data>,
  req: ExpressRequest,
  res: ExpressResponse | undefined,
  own: ExpressKept,
): Exchange<Data> {
  const exchange = sessions.open(req, reader);
  const writeHead = res?.writeHead;
  if (!res || typeof writeHead !== "function" || typeof res.setHeader !== "function") return exchange;
  res.writeHead = (...args) => {
    const line = own.cookieLine();
    if (line !== undefined) {
      const present = res.getHeader?.("set-cookie") ?? [];
      res.setHeader?.("set-cookie", [present, line].flat().map(String));
    }
    return writeHead.apply(res, args);
  };
  return exchange;
}

const reader: RequestReader<ExpressRequest> = {
  cookie: ({ headers }) => headers.cookie,
  secure: () => true,
};

function isWhole(res: ExpressResponse | undefined): res is ExpressResponse & NodeResponse {
  const methods = ["getHeaderNames", "getHeaders", "setHeader", "removeHeader", "writeHead", "write", "end"];
  return methods.every((method) => typeof (res as Record<string, unknown> | undefined)?.[method] === "function");
}

/** Calls `then` when the response is complete: an error that comes too late must not cut the response off. */
function afterwards(res: ExpressResponse, then: () => void): void {
  const response = res as { once?: (event: "finish", listener: () => void) => void; writableFinished?: boolean };
  if (response.once && !response.writableFinished) response.once("finish", then);
  else setImmediate(then);
}

function pathOf({ originalUrl, url }: ExpressRequest): string {
  const whole = originalUrl ?? url ?? "";
  if (whole.startsWith("/")) return whole.replace(/[?#].*$/s, "") || "/";
  return URL.canParse(whole) ? new URL(whole).pathname : whole.replace(/[?#].*$/s, "") || "/";
}

function idIn(req: ExpressRequest, name: string, secrets: readonly ExpressSecret[]): string | undefined {
  const opened = (value: unknown): string | undefined =>
    typeof value === "string" ? unsign(value, secrets)?.id : undefined;
  const fromHeader = opened(readCookie(req.headers.cookie, name));
  if (fromHeader !== undefined) return fromHeader;
  const signed = req.signedCookies?.[name];
  const parsed = typeof signed === "string" && signed !== "" ? signed : opened(req.cookies?.[name]);
  if (parsed !== undefined) deprecate("cookie should be available in req.headers.cookie");
  return parsed;
}

/** In place of a store of sojourn where there is none. */
const elsewhere: SojournStore = {
  name: npmStores,
  capabilities: {
    compareAndSwap: "none",
    nativeExpiry: true,
    expiryGranularity: 1,
    clock: "ours",
    atomicRename: false,
    list: false,
    bySubject: false,
    shared: false,
    maxPayloadBytes: undefined,
  },
  read: absent,
  create: absent,
  update: absent,
  touch: absent,
  rename: absent,
  delete: absent,
};

function absent(): Promise<never> {
  return Promise.reject(new TypeError("these sessions are in a store of express-session"));
}
