/** Sessions in one record each: one cookie, one store. */

import { andThen, isPromise, type MaybePromise } from "../bytes/bytes.ts";
import { type HeaderAccess, writeHeaders } from "../client/headers.ts";
import type { Everybody } from "../contracts/everybody.ts";
import type { Content, Meta } from "../contracts/format.ts";
import type { Incoming } from "../contracts/incoming.ts";
import type { Found, Late } from "../contracts/records.ts";
import type { Session } from "../contracts/session.ts";
import type { DeviceFields } from "../contracts/session-options.ts";
import type { Store } from "../contracts/store.ts";
import { loads } from "../contracts/traces.ts";
import type { Config, SessionOptions } from "../options/options.ts";
import { resolveConfig } from "../options/resolve.ts";
import { cleanupOf } from "../record/cleanup.ts";
import { type CookieStore, isCookieStore, storeBehind } from "../record/cookie-store.ts";
import { isOver } from "../record/expiry.ts";
import { ExternalLinks } from "../record/external.ts";
import { storeRecords } from "../record/in-store.ts";
import { Subjects } from "../record/subjects.ts";
import { guarded } from "../record/time-limit.ts";
import { logsOut, Work } from "../save/commit.ts";
import { isClean } from "../save/facts.ts";
import { checked } from "../save/newest.ts";
import { RecordSession } from "../save/record-session.ts";
import type { SessionsCore } from "../save/request-record.ts";
import { tracedLoad } from "../save/save-trace.ts";
import { Turns } from "../save/turns.ts";
import { adopting } from "./adopting.ts";
import type { Keeping, Kept } from "./kept.ts";

/** One cookie and one store, with all options. */
export type SingleOptions<Data extends object, Device extends object = DeviceFields> = SessionOptions<Data, Device> & {
  store: Store | CookieStore;
};

/** What all requests have in common, from the options. */
export function makeCore(options: SingleOptions<never>): SessionsCore {
  return coreOf(resolveConfig(options));
}

/** The same from options that are checked. */
export function coreOf(config: Config): SessionsCore {
  const pause = { until: 0 };
  const everybody = config.everybody?.use(config as never);
  const keep = (until?: number): ReturnType<typeof keeping> => keeping(config, config.store, everybody, pause, until);
  const plain = {
    config,
    turns: new Turns(),
    cleanup: cleanupOf([config]),
    everybody,
    external: new ExternalLinks(config),
    ...keep(),
    within: keep,
  };
  const core: SessionsCore = config.adopt.length > 0 ? { ...plain, ...adopting(plain) } : plain;
  return config.deviceBound ? { ...core, binder: config.deviceBound.use(core as never) } : core;
}

/** Each session in one record. */
export function single<Data extends object>(core: SessionsCore): Keeping<Data> {
  const { config, subjects, binder, everybody } = core;
  return {
    config,
    kinds: [{ config }],
    subjects,
    binder,
    everybody: everybody && [everybody],
    external: core.external,
    stores: storesOf([config]),
    on: (listener, observes) => config.events.add(listener, observes),
    begin: (incoming) => new OneRecord(core, incoming),
  };
}

/** The stores behind these, each once; of sessions in cookies the one with their notes. */
export function storesOf(configs: readonly Config[]): readonly Store[] {
  const stores = configs.map(({ store }) => storeBehind(store));
  return [...new Set(stores)].filter((store) => store !== undefined);
}

/** Where sessions are kept, and the index of their subjects. With `until`, in ticks, the result is for one save, which must end by then. */
function keeping(
  config: Config,
  given: Store | CookieStore,
  everybody: Everybody | undefined,
  pause: { until: number },
  until?: number,
): Pick<SessionsCore, "records" | "subjects"> {
  const { timeouts, cookie } = config;
  if (isCookieStore(given)) {
    return given.keep(given, { ...config, cookieName: cookie.name, absolute: timeouts.absolute, until });
  }
  const store = guarded(given);
  const { renewGrace } = timeouts;
  const settings = { ...config, store, cookieName: cookie.name, renewGrace, until };
  return { records: storeRecords(settings, pause), subjects: new Subjects(settings, everybody) };
}

/** The session of one request in its record. */
class OneRecord<Data extends object> implements Kept<Data> {
  readonly #core: SessionsCore;
  readonly #incoming: Incoming;
  readonly #from: Found | undefined;
  #session: Promise<Session<Data>> | undefined;
  #first: Work | undefined;

  /** @param from Where the record was found before: it is looked for from there. */
  constructor(core: SessionsCore, incoming: Incoming, from?: Found) {
    this.#core = core;
    this.#incoming = incoming;
    this.#from = from;
  }

  get #work(): Work | undefined {
    return this.#first?.newest;
  }

  load(): Promise<Session<Data>> {
    if (!this.#session) {
      this.#session = this.#load();
      this.#core.cleanup?.request();
    }
    return this.#session;
  }

  #load(): Promise<Session<Data>> {
    try {
      return loadWork(this.#core, this.#incoming, this.#from, (work) => {
        this.#first = work;
        work.describe = describing(this.#core, this.#incoming);
        return new RecordSession<Data>(work.state, work);
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  settled(): Promise<unknown> | undefined {
    return this.#work ? undefined : this.#session?.catch(() => {});
  }

  logsOut(): boolean {
    return this.#work !== undefined && logsOut(this.#work);
  }

  isClean(): boolean {
    return this.#work !== undefined && isClean(this.#work);
  }

  save(logoutOnly: boolean): Promise<boolean> | undefined {
    const work = this.#work;
    if (!work) return undefined;
    if (logoutOnly) return work.saveLogout().then(() => true);
    const saving = work.save();
    work.prepared = undefined;
    return saving;
  }

  writeHead(headers: HeaderAccess, check: (sent: Config) => void): void {
    const { cookies, rebound, handedOut } = this.#work ?? {};
    const { config } = this.#core;
    const { explicit, header } = config.carrier;
    if (cookies && !explicit) check(config);
    // A response with a token in its body is stored as little as one with a cookie.
    writeHeaders(headers, explicit ? (handedOut ? [] : undefined) : cookies, header);
    if (rebound) this.#core.binder?.write(headers, rebound.bound, this.#incoming.cookie);
  }

  again(incoming: Incoming): Kept<Data> {
    return new OneRecord(this.#core, incoming, this.#work?.found ?? this.#from);
  }
}

/** What the option `describe` says of a request, when it is asked; absent without it. */
export function describing({ config }: SessionsCore, { request, reader }: Incoming): (() => unknown) | undefined {
  const { describe } = config;
  return describe && (() => describe(reader.given?.(request as never) ?? request));
}

/** The result of `use` on a request's record, from its `Cookie` header; or, where it was `from` found before, from where it is now. */
export function loadWork<Result>(
  core: SessionsCore,
  incoming: Incoming,
  from: Found | undefined,
  use: (work: Work) => Result,
): Promise<Result> {
  if (!loads.hasSubscribers) return untracedLoad(core, incoming, from, use);
  return tracedLoad(core.config.store.name, (seen) =>
    untracedLoad(core, incoming, from, (work) => {
      seen(work);
      return use(work);
    }),
  );
}

/** The same, untold on `sojourn:load`. */
export function untracedLoad<Result>(
  core: SessionsCore,
  incoming: Incoming,
  from: Found | undefined,
  use: (work: Work) => Result,
): Promise<Result> {
  const { config, records } = core;
  const { carrier } = config;
  const header = carrier.explicit ? authorizationOf(incoming) : incoming.cookie;
  const cookie = carrier.find(header);
  const begin = (found: Found | Late | null): Result =>
    use(new Work(core, incoming, found, carrier.held(header, cookie)));
  if (from && !records.inCookie) return findAgain(core, from).then(begin);
  if (cookie === null)
    config.events.emit("token_refused", {
      reason: carrier.explicit ? "malformed" : "several cookies of one name with different values",
    });
  if (cookie === null || (cookie === undefined && !core.adopt)) return Promise.resolve(begin(null));
  const finding = cookie === undefined ? Promise.resolve(null) : records.find(cookie, config.schema === undefined);
  const adopted = core.adopt ? finding.then((found) => found ?? (header ? core.adopt!(header) : null)) : finding;
  return adopted.then((found) => {
    const alive = found && !("late" in found) ? living(core, found, incoming) : found;
    return isPromise(alive) ? alive.then(begin) : begin(alive);
  });
}

function authorizationOf({ reader, request }: Incoming): string | null | undefined {
  if (reader.head) return reader.head(request as never).headers.get("authorization");
  throw new TypeError("transport: bearer() needs an adapter that can read the Authorization header; this one cannot");
}

/**
 * Re-reading must not count as the first use of a renewed id, so the result is never `current`.
 * What a login or `regenerate` moved is not found: the client that has only the old id may be another user's.
 */
async function findAgain(core: SessionsCore, { place }: Found): Promise<Found | null> {
  const again = await core.records.again(place);
  const found = again?.moved ? null : await living(core, again);
  return found && "place" in found ? { ...found, current: false, lost: false } : null;
}

/**
 * The session if it is still valid.
 *
 * @param incoming The request. If the session is bound to a browser, that browser must have sent it.
 */
function living(core: SessionsCore, found: Found | null, incoming?: Incoming): MaybePromise<Found | Late | null> {
  if (!found?.content) return null;
  const { config, everybody } = core;
  const { handle, subject, era = 0 } = found.content.meta;
  if (isOver(config.now(), found.content.meta, config.timeouts)) {
    config.events.emit("session_expired", { handle, subject, reason: "absolute timeout" });
    return null;
  }
  if (!everybody) return judged(core, found, incoming);
  return andThen(everybody.recent(), (mark) => {
    if (era >= mark) return judged(core, found, incoming);
    config.events.emit("session_use_after_expire", { handle, subject, reason: "everybody was revoked" });
    return null;
  });
}

function judged(core: SessionsCore, found: Found, incoming: Incoming | undefined): MaybePromise<Found | Late | null> {
  const { config, binder } = core;
  const { actor } = found.content?.meta ?? {};
  if (actor && !found.own) return impersonated(core, found, actor).then((one) => one && judged(core, one, incoming));
  if (!binder || !incoming || !found.content?.meta.bound) return config.schema ? checked(config, found) : found;
  const { cookie, request, reader } = incoming;
  const one = binder.judge(found, cookie, reader.head?.(request as never));
  return andThen(one, (good) => (config.schema && "place" in good ? checked(config, good) : good));
}

/** An impersonation with the administrator's own session, for as long as that is there. */
async function impersonated(
  core: SessionsCore,
  found: Found,
  actor: NonNullable<Meta["actor"]>,
): Promise<Found | null> {
  const { records, config } = core;
  const there = (await records.under?.(actor.key ?? "")) ?? null;
  const { handle, subject, actor: another } = there?.content?.meta ?? {};
  const isTheirs = handle === actor.handle && subject === actor.subject && another === undefined;
  const own = isTheirs ? await living(core, there) : null;
  if (own && "place" in own) return { ...found, own };
  const { meta } = found.content as Content;
  const about = { handle: meta.handle, subject: meta.subject, actor: actor.subject };
  config.events.emit("session_use_after_expire", { ...about, reason: "the session of its actor has ended" });
  await records.remove(found.place, meta.subject).catch(() => {});
  return null;
}
