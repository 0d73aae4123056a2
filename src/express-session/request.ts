/** One request under the drop-in: `req.session` over the request's record, saved by the rules of express-session. */

import type { HeaderAccess } from "../core/client/headers.ts";
import { received, SessionError } from "../core/contracts/errors.ts";
import { type Incoming, unsaid } from "../core/contracts/incoming.ts";
import type { Found } from "../core/contracts/records.ts";
import type { Session as NativeSession } from "../core/contracts/session.ts";
import { loads } from "../core/contracts/traces.ts";
import { own, set } from "../core/record/own-keys.ts";
import type { Kept } from "../core/request/kept.ts";
import { logsOut } from "../core/save/commit.ts";
import { RecordSession } from "../core/save/record-session.ts";
import { tracedLoad } from "../core/save/save-trace.ts";
import { placeOfId } from "./npm-records.ts";
import { Rules } from "./rules.ts";
import { type Answering, SentCookie } from "./sent-cookie.ts";
import type { ExpressRequest } from "./session.ts";
import { asked, asRecord, type RegenerateOptions, Session, type SessionActions, tie } from "./session.ts";
import type { Shared } from "./shared.ts";
import type { ExpressSecret } from "./signature.ts";
import { ExpressWork } from "./work.ts";

/** The session of one request, as handlers have it in `req.session`. */
export class ExpressKept<Data extends object = Record<string, unknown>> implements Kept<Data>, SessionActions {
  readonly #shared: Shared;
  readonly #req: ExpressRequest;
  readonly #secrets: readonly ExpressSecret[];
  readonly #answering: Answering;
  readonly #rules: Rules;
  readonly #works = new WeakMap<Session, ExpressWork>();
  #work: ExpressWork | undefined;
  #loading: Promise<unknown> | undefined;
  #incoming: Incoming;
  #from: Found | undefined;
  #storeTouched = false;
  /** `unset: "destroy"` has been carried out. */
  #unset = false;
  /** The exchange has asked for a save. */
  #saves = false;
  readonly #cookie: SentCookie;

  /** @param id The id that the client's cookie names. */
  constructor(
    shared: Shared,
    req: ExpressRequest,
    id: string | undefined,
    secrets: readonly ExpressSecret[],
    answering: Answering,
  ) {
    this.#shared = shared;
    this.#req = req;
    this.#secrets = secrets;
    this.#answering = answering;
    this.#rules = new Rules(shared.options, id);
    this.#cookie = new SentCookie(shared, secrets[0] as ExpressSecret, answering);
    // The exchange says more of it.
    this.#incoming = { request: req, reader: {}, cookie: undefined, ...unsaid };
  }

  /** Begins with a request. `undefined`: there is nothing to wait for. */
  start(): Promise<void> | undefined {
    const { cookieId } = this.#rules;
    const { hasSubscribers } = loads;
    if (cookieId === undefined) {
      this.#first();
      if (hasSubscribers) void this.#traced(async () => {});
      return undefined;
    }
    const find = (): Promise<void> => this.#find(cookieId);
    const loading = hasSubscribers ? this.#traced(find) : find();
    this.#loading = loading;
    return loading;
  }

  #traced(find: () => Promise<void>): Promise<void> {
    return tracedLoad(this.#shared.core.config.store.name, async (seen) => {
      await find();
      if (this.#work) seen(this.#work, this.#rules.cookieId !== undefined);
    });
  }

  /** Goes on with the request as the exchange has it. */
  resume(incoming: Incoming): this {
    this.#incoming = incoming;
    if (this.#work) this.#work.incoming = incoming;
    return this;
  }

  async #find(id: string): Promise<void> {
    const found = await this.#shared.core.records.find(id);
    if (!found || "late" in found || !found.content) return this.#first(found !== null);
    this.#inflate(found, id);
    this.#rules.begin(this.#req.session as Session, id, !this.#shared.options.resave || this.#shared.ours);
  }

  /** @param late A login has just replaced the client's id: nothing this request writes may take its place. */
  #first(late = false): void {
    this.generate();
    if (late && this.#work) this.#work.ended = true;
    this.#cookie.withheld = late;
    this.#rules.begin(this.#req.session as Session, this.#req.sessionID, false);
  }

  /** Begins a new session in this request. */
  generate(): void {
    const { options } = this.#shared;
    const req = this.#req;
    req.sessionID = options.genid(req);
    const session = new Session(req);
    session.cookie = options.cookieFor(req);
    this.#cookie.withheld = false;
    this.#hold(session, new ExpressWork(this.#shared, this.#incoming, session, null));
  }

  #inflate(found: Found, id: string): void {
    this.#req.sessionID = id;
    const session = new Session(this.#req, found.content?.data);
    this.#hold(session, new ExpressWork(this.#shared, this.#incoming, session, found));
  }

  #hold(session: Session, work: ExpressWork): void {
    tie(session, this);
    this.#works.set(session, work);
    this.#work = work;
    this.#req.session = session;
  }

  async load(): Promise<NativeSession<Data>> {
    if (this.#from) await this.#again(this.#from);
    await this.#loading;
    const work = this.#work;
    if (!work) throw new TypeError("this request has no session: express-session could not load one");
    work.native ??= new RecordSession<Record<string, unknown>>(work.state, work);
    return work.native as unknown as NativeSession<Data>;
  }

  settled(): Promise<unknown> | undefined {
    return this.#loading?.catch(() => {});
  }

  again(incoming: Incoming): Kept<Data> {
    const req = Object.assign(Object.create(this.#req) as ExpressRequest, { session: undefined });
    const kept = new ExpressKept<Data>(this.#shared, req, this.#rules.cookieId, this.#secrets, this.#answering);
    kept.#from = this.#work?.found ?? undefined;
    return kept.resume(incoming);
  }

  async #again(from: Found): Promise<void> {
    this.#from = undefined;
    const found = await this.#shared.core.records.again(from.place);
    if (found?.content) this.#inflate(found, this.#req.sessionID as string);
    else this.#first();
  }

  logsOut(): boolean {
    return this.#work !== undefined && logsOut(this.#work);
  }

  isClean(): boolean {
    return false;
  }

  async save(): Promise<boolean> {
    this.#saves = true;
    const work = this.#work;
    if (!work) return true;
    await work.settled();
    try {
      return await this.#save(this.#req.session);
    } catch (error) {
      this.#cookie.withheld = true;
      // The application's page for another error is not to be lost to this one.
      if (!this.#answering.isError()) throw error;
      this.#answering.tell(error);
      return false;
    }
  }

  async #save(session: Session | null | undefined): Promise<boolean> {
    const { sessionID } = this.#req;
    if (this.#work?.state.destroyed && session && this.#works.get(session) === this.#work)
      return this.#endNatively(session);
    if (session === undefined || session === null) {
      if (!this.#shared.options.unsetDestroys || !sessionID || this.#unset) return true;
      this.#unset = true;
      await this.#end(this.#work as ExpressWork, sessionID);
      return true;
    }
    if (typeof sessionID !== "string") return true;
    const work = this.#works.get(session);
    if (!work) return this.#saveUntied(session);
    work.settle();
    this.#cookie.touch(session);
    if (this.#rules.shouldSave(session, work, sessionID)) {
      this.#storeTouched = true;
      return this.#write(session, work);
    }
    if (this.#rules.cookieId === sessionID && !this.#storeTouched) await this.#touch(work);
    return true;
  }

  async #write(session: Session, work: ExpressWork): Promise<boolean> {
    this.#rules.saves(session);
    this.#cookie.wanted ||= work.state.marks.persistence;
    work.wanted = true;
    const saved = await work.save();
    if (!saved) this.#cookie.withheld = true;
    const { renewedId } = work;
    if (renewedId === undefined) return saved;
    Object.defineProperty(session, "id", { value: renewedId, configurable: true });
    this.#req.sessionID = renewedId;
    return saved;
  }

  /** The application put a session there that the middleware has not made: the store's own. */
  async #saveUntied(session: Session): Promise<boolean> {
    if (typeof session.save !== "function")
      throw new TypeError(
        `req.session was replaced by something that is no session; ${received(session)}. Set keys of it instead.`,
      );
    await asked((done) => this.#shared.store.set(session.id, asRecord(session), done));
    return true;
  }

  async #endNatively(session: Session): Promise<boolean> {
    const work = this.#work as ExpressWork;
    this.#cookie.destroyed = session.cookie;
    Reflect.deleteProperty(this.#req, "session");
    await this.#end(work, session.id);
    return true;
  }

  async #touch(work: ExpressWork): Promise<void> {
    this.#storeTouched = true;
    if (this.#incoming.noTouch) return;
    try {
      if (!(await work.touch())) this.#cookie.withheld = true;
    } catch (error) {
      // The response is not to suffer when only an expiry was to be moved.
      if (!this.#shared.ours) this.#answering.tell(error);
    }
  }

  writeHead(headers: HeaderAccess): void {
    // The request was discarded: a client has no use for the id of what was not written.
    const { session } = this.#req;
    if (!this.#saves && session && this.#works.get(session)?.found === null) return;
    const line = this.cookieLine();
    if (line !== undefined) headers.append("set-cookie", line);
  }

  /** The `Set-Cookie` value of the response, decided when its headers are about to leave. */
  cookieLine(): string | undefined {
    return this.#cookie.line(this.#req, this.#rules);
  }

  // What the methods of `req.session` do.

  async saveSession(session: Session): Promise<void> {
    const work = this.#workOf(session);
    work.settle();
    if (await this.#write(session, work)) return;
    throw new SessionError("ERR_SESSION_ENDED", "the session ended in another request; nothing was saved");
  }

  async reloadSession(session: Session): Promise<void> {
    const found = await this.#shared.core.records.find(session.id);
    if (!found || "late" in found) throw new Error("failed to load session");
    this.#inflate(found, session.id);
  }

  async destroySession(session: Session): Promise<void> {
    this.#cookie.destroyed = session.cookie;
    await this.#end(this.#workOf(session), session.id);
  }

  async regenerateSession(session: Session, { keep = false }: RegenerateOptions): Promise<void> {
    const ended = this.#end(this.#workOf(session), session.id);
    await ended.finally(() => {
      this.generate();
      const kept = keep === true ? Object.keys(session) : keep || [];
      for (const key of kept) if (key !== "cookie") set(this.#req.session as Session, key, own(session, key));
    });
  }

  #workOf(session: Session): ExpressWork {
    return this.#works.get(session) as ExpressWork;
  }

  async #end(work: ExpressWork, id: string): Promise<void> {
    await work.settled();
    const hadRecord = work.found !== null;
    work.state.destroyed = true;
    if (hadRecord) await work.save();
    else if (!this.#shared.ours) await this.#shared.core.records.remove(placeOfId(id), undefined);
    work.ended = true;
  }
}
