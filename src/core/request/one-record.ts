/** Sessions in one record each: one cookie, one store. */

import { andThen, isPromise, type MaybePromise } from "../bytes/bytes.ts";
import type { HeaderAccess } from "../client/headers.ts";
import type { OwnAnswer, RequestHead } from "../contracts/device-bound.ts";
import type { Found, Late } from "../contracts/records.ts";
import type { DeviceFields, Session } from "../contracts/session.ts";
import type { Store } from "../contracts/store.ts";
import { loads } from "../contracts/traces.ts";
import { type Config, resolveConfig, type SessionOptions } from "../options/options.ts";
import { cleanupOf } from "../record/cleanup.ts";
import { type CookieStore, isCookieStore, storeBehind } from "../record/cookie-store.ts";
import { isOver } from "../record/expiry.ts";
import { storeRecords } from "../record/in-store.ts";
import { Subjects } from "../record/subjects.ts";
import { guarded } from "../record/time-limit.ts";
import { logsOut, type SessionsCore, Work } from "../save/commit.ts";
import { isClean } from "../save/facts.ts";
import { checked } from "../save/newest.ts";
import { RecordSession } from "../save/record-session.ts";
import { tracedLoad } from "../save/save-trace.ts";
import { Turns } from "../save/turns.ts";
import { adopting } from "./adopting.ts";
import type { Context } from "./context.ts";
import { Exchange, type Keeping, type Opening, type RequestReader, type Restrictions } from "./exchange.ts";

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
  const keep = (until?: number): ReturnType<typeof keeping> => keeping(config, config.store, pause, until);
  const plain = { config, turns: new Turns(), cleanup: cleanupOf([config]), ...keep(), within: keep };
  const core: SessionsCore = config.adopt.length > 0 ? { ...plain, adopt: adopting(plain) } : plain;
  return config.deviceBound ? { ...core, binder: config.deviceBound.use(core) } : core;
}

/** Each session in one record. */
export function single<Data extends object>(core: SessionsCore): Keeping<Data> {
  const { config, subjects, binder } = core;
  return {
    config,
    kinds: [{ config }],
    subjects,
    binder,
    stores: storesOf([config]),
    on: (listener, observes) => config.events.add(listener, observes),
    openExchange: (context, request, reader) => new SingleExchange(core, context, request, reader),
  };
}

/** The stores behind these, each once; of sessions in cookies the one with their notes. */
export function storesOf(configs: readonly Config[]): readonly Store[] {
  const stores = configs.map(({ store }) => storeBehind(store));
  return [...new Set(stores)].filter((store) => store !== undefined);
}

/** Where sessions are kept, and what is known of subjects there. Until `until`, in ticks, where that is given: for one save. */
function keeping(
  config: Config,
  given: Store | CookieStore,
  pause: { until: number },
  until?: number,
): Pick<SessionsCore, "records" | "subjects"> {
  const { timeouts, cookie } = config;
  if (isCookieStore(given)) {
    return given.keep(given, { ...config, cookieName: cookie.name, absolute: timeouts.absolute, until });
  }
  const store = guarded(given);
  const { renewGrace } = timeouts;
  const ours = { ...config, store, cookieName: cookie.name, renewGrace, until };
  return { records: storeRecords(ours, pause), subjects: new Subjects(ours) };
}

class SingleExchange<Data extends object> extends Exchange<Data> {
  readonly #core: SessionsCore;
  #from: Found | undefined;
  #session: Promise<Session<Data>> | undefined;
  #work: Work | undefined;

  constructor(
    core: SessionsCore,
    context: Context<WeakRef<Exchange>> | undefined,
    request: object,
    reader: RequestReader<never>,
  ) {
    super(context, request, reader, core.config.saveOnError);
    this.#core = core;
  }

  override get answer(): (() => Promise<OwnAnswer>) | undefined {
    const { binder } = this.#core;
    const head = binder && this.head();
    return head && binder.answerTo(head, this.cookie());
  }

  protected override reopened(...opening: Opening): Exchange<Data> {
    const exchange = new SingleExchange<Data>(this.#core, ...opening);
    exchange.#from = this.#work?.found ?? this.#from;
    return exchange;
  }

  protected override load(): Promise<Session<Data>> {
    if (!this.#session) {
      this.#session = this.#load();
      this.noted(this.#session);
      this.#core.cleanup?.request();
    }
    return this.#session;
  }

  protected override loaded(): Promise<unknown> | undefined {
    return this.#work ? undefined : this.#session?.catch(() => {});
  }

  protected override logsOut(): boolean {
    return this.#work !== undefined && logsOut(this.#work);
  }

  protected override isClean(): boolean {
    return this.#work !== undefined && isClean(this.#work);
  }

  protected override save(): Promise<boolean> | undefined {
    const work = this.#work;
    if (!work) return undefined;
    const saving = work.save();
    work.encoded = undefined;
    return saving;
  }

  protected override tell(): void {
    const work = this.#work;
    if (!work) return;
    work.headersSent = this.headersSent;
    if (this.restrictions) restrictWork(work, this.restrictions);
  }

  protected override warn(message: string): void {
    this.#core.config.warn(message);
  }

  protected override setCookie(): readonly string[] | undefined {
    const setCookie = this.#work?.cookies;
    if (setCookie) this.checkSecure(this.#core.config);
    return setCookie;
  }

  protected override writeHead(headers: HeaderAccess): void {
    super.writeHead(headers);
    const { rebound } = this.#work ?? {};
    if (rebound) this.#core.binder?.write(headers, rebound.bound, this.cookie());
  }

  #load(): Promise<Session<Data>> {
    try {
      const use = (work: Work): Session<Data> => {
        this.#work = work;
        work.describe = this.describing(this.#core.config);
        this.tell();
        return new RecordSession<Data>(work.state, work);
      };
      return loadWork(this.#core, this.cookie(), this.#from, use, () => this.head());
    } catch (error) {
      return Promise.reject(error);
    }
  }
}

/** What `use` makes of a request's record, from its `Cookie` header; or, where it was `from` found before, from where it is now. */
export function loadWork<Result>(
  core: SessionsCore,
  header: string | null | undefined,
  from: Found | undefined,
  use: (work: Work) => Result,
  head?: () => RequestHead | undefined,
): Promise<Result> {
  if (!loads.hasSubscribers) return untracedLoad(core, header, from, use, head);
  return tracedLoad(core.config.store.name, (seen) => {
    const traced = (work: Work): Result => {
      seen(work);
      return use(work);
    };
    return untracedLoad(core, header, from, traced, head);
  });
}

/** The same, untold on `sojourn:load`. */
export function untracedLoad<Result>(
  core: SessionsCore,
  header: string | null | undefined,
  from: Found | undefined,
  use: (work: Work) => Result,
  head: (() => RequestHead | undefined) | undefined,
): Promise<Result> {
  const { config, records, binder } = core;
  const { carrier } = config;
  const cookie = carrier.find(header);
  const begin = (found: Found | Late | null): Result => use(new Work(core, found, carrier.held(header, cookie)));
  if (from && !records.inCookie) return findAgain(core, from).then(begin);
  if (cookie === null)
    config.events.emit("token_refused", { reason: "several cookies of one name with different values" });
  if (cookie === null || (cookie === undefined && !core.adopt)) return Promise.resolve(begin(null));
  const finding = cookie === undefined ? Promise.resolve(null) : records.find(cookie, config.schema === undefined);
  const adopted = core.adopt ? finding.then((found) => found ?? (header ? core.adopt!(header) : null)) : finding;
  return adopted.then((found) => {
    const judge = binder && ((one: Found): MaybePromise<Found | Late> => binder.judge(one, header, head?.()));
    const alive = found && !("late" in found) ? living(config, found, judge) : found;
    return isPromise(alive) ? alive.then(begin) : begin(alive);
  });
}

/** Tells a request's record what its route may not do. */
export function restrictWork(work: Work, { read, noTouch }: Restrictions): void {
  work.state.readOnly = read;
  work.noTouch = noTouch;
}

/**
 * What was found before is not the client's newest id, whatever stands there: it is not to tell that a new one arrived.
 * What a login or `regenerate` moved is not found: the client that has only the old id may be somebody else's.
 */
async function findAgain({ config, records }: SessionsCore, { place }: Found): Promise<Found | null> {
  const again = await records.again(place);
  const found = again?.moved ? null : await living(config, again);
  return found && "place" in found ? { ...found, current: false, lost: false } : null;
}

/** @param judge Of sessions that are bound to a browser: whether the request came from that. */
function living(
  config: Config,
  found: Found | null,
  judge?: (found: Found) => MaybePromise<Found | Late>,
): MaybePromise<Found | Late | null> {
  if (!found?.content) return null;
  const { handle, subject } = found.content.meta;
  if (isOver(config.now(), found.content.meta, config.timeouts)) {
    config.events.emit("session_expired", { handle, subject, reason: "absolute timeout" });
    return null;
  }
  const judged = judge && found.content.meta.bound ? judge(found) : found;
  return andThen(judged, (one) => (config.schema && "place" in one ? checked(config, one) : one));
}
