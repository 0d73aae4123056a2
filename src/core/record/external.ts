/** Sessions by what an identity provider calls them: small links under hashed keys, for logouts that the provider asks for. */

import { randomBytes, sha256 } from "#crypto";
import { base64url } from "../bytes/bytes.ts";
import { SessionError, wrongArgument } from "../contracts/errors.ts";
import { checkKnown } from "../contracts/known.ts";
import type { ExternalLogin } from "../contracts/session-options.ts";
import type { Store, StoredRecord } from "../contracts/store.ts";
import type { Config } from "../options/options.ts";
import { isCookieStore, storeBehind } from "./cookie-store.ts";
import { guarded, withTimeLimit } from "./time-limit.ts";

/** Which sessions an identity provider logs out: the one it calls `sid`, or all of its user `subject`. */
export interface ExternalRevocation {
  /** The provider: `iss` of its logout token. */
  readonly issuer: string;
  /** `sid` of the logout token. If it is given, it alone decides. */
  readonly sid?: string | undefined;
  /** `sub` of the logout token. */
  readonly subject?: string | undefined;
}

/** A session that logged in by a link: whose, which, and until when it may live. Without a handle: all of the subject. */
type Linked = readonly [subject: string, handle: string | null, until: number];

/** What is kept of one `sid`, or one `sub`. */
interface Link {
  /** Changes with every revocation, so that a login in flight notices. */
  readonly mark: string;
  readonly sessions: readonly Linked[];
}

/** Of more sessions than these, all of their subjects end. */
const mostLinked = 500;
/** For how long a login may be in flight. */
const day = 86_400_000;

/** Throws a `TypeError` unless it names a provider, and what the provider calls the session or the user. */
export function checkExternal(call: string, external: unknown): void {
  checkKnown(call, external, ["issuer", "sid", "subject"]);
  const { issuer, sid, subject } = external as { readonly [Key in keyof ExternalRevocation]: unknown };
  for (const [name, value] of Object.entries({ issuer, sid, subject })) {
    if (value === undefined && name !== "issuer") continue;
    if (typeof value !== "string" || value.length < 1 || value.length > 1000)
      throw wrongArgument(`${name} of ${call}`, "a text of 1 to 1000 characters", value);
  }
}

/** The links of one manager. */
export class ExternalLinks {
  readonly #config: Config;
  readonly #store: Store | undefined;

  constructor(config: Config) {
    const store = storeBehind(config.store);
    this.#config = config;
    this.#store = store && guarded(store);
  }

  /** Throws where sessions cannot be revoked one by one. */
  checkSupported(call: string): void {
    const { store } = this.#config;
    if (isCookieStore(store) ? store.revocations : store.capabilities.bySubject) return;
    const message = `${call} needs a store that finds sessions by subject, or cookieStore with revocations; ${store.name} is none`;
    throw new SessionError("ERR_SESSION_NOT_SUPPORTED", message);
  }

  /** The mark of the provider's user, to be compared when the login is saved. `null`: its session was logged out before. */
  async mark(login: ExternalLogin, subject: string): Promise<string | null> {
    const keys = await this.#keysOf(login, subject);
    const links = await Promise.all(keys.map(async (key) => read(await this.#read(key))));
    // A provider's session has an id of its own: once it is over, it never logs in again.
    if (login.sid !== undefined && links[0]?.mark !== "") return null;
    return links.at(-1)?.mark ?? "";
  }

  /** Notes a session under what its provider calls it. Before it is written, so that no session is without a link. */
  async link(login: ExternalLogin, subject: string, handle: string, until: number): Promise<void> {
    const now = this.#config.now();
    for (const key of await this.#keysOf(login, subject)) {
      await this.#change(key, ({ mark, sessions }) => {
        const others = sessions.filter(([whose, which, end]) => end > now && !(whose === subject && which === handle));
        if (others.length < mostLinked) return { mark, sessions: [...others, [subject, handle, until]] };
        const subjects = new Set([...others.map(([whose]) => whose), subject]);
        return { mark, sessions: [...subjects].map((whose) => [whose, null, until]) };
      });
    }
  }

  /**
   * Ends what is linked. First the mark changes, so that a login in flight ends itself; a session is forgotten when it
   * has ended, so that a failure in between can be repeated.
   *
   * @returns How many sessions ended.
   */
  async revoke(
    { issuer, sid, subject }: ExternalRevocation,
    end: (subject: string, handle: string | null) => Promise<number>,
  ): Promise<number> {
    const key = await (sid === undefined ? this.#key("sub", issuer, subject as string) : this.#key("sid", issuer, sid));
    const mark = base64url(randomBytes(12));
    const { sessions } = await this.#change(key, (link) => ({ ...link, mark }));
    let ended = 0;
    for (const [whose, handle] of sessions) ended += await end(whose, handle);
    const isEnded = (one: Linked): boolean => sessions.some(([whose, handle]) => whose === one[0] && handle === one[1]);
    if (sessions.length > 0)
      await this.#change(key, (link) => ({ ...link, sessions: link.sessions.filter((one) => !isEnded(one)) }));
    return ended;
  }

  async #keysOf({ issuer, sid, subject: theirs }: ExternalLogin, subject: string): Promise<string[]> {
    const byUser = this.#key("sub", issuer, theirs ?? subject);
    return Promise.all(sid === undefined ? [byUser] : [this.#key("sid", issuer, sid), byUser]);
  }

  /** Not under the prefix of the ids, and by a text without a space, as those of subjects have one. */
  async #key(kind: string, issuer: string, name: string): Promise<string> {
    const { store, keyPrefix, ids } = this.#config;
    const prefix = isCookieStore(store) ? keyPrefix : ids.prefix;
    return `epoch:${await sha256(`external:${prefix}${await sha256(JSON.stringify([kind, issuer, name]))}`)}`;
  }

  async #change(key: string, change: (link: Link) => Link): Promise<Link> {
    const { now } = this.#config;
    const store = this.#store as Store;
    for (let attempt = 0; attempt < 100; attempt++) {
      const present = await this.#read(key);
      const link = change(read(present));
      const expiresAt = Math.max(now() + day, ...link.sessions.map(([, , until]) => until));
      const record = { payload: JSON.stringify(link), expiresAt };
      const written = await this.#limited(() =>
        present ? store.update(key, record, present.version) : store.create(key, record),
      );
      if (written !== null) return link;
    }
    throw new SessionError("ERR_SESSION_CONFLICT", "the links of a login were changed by others a hundred times");
  }

  #read(key: string): Promise<StoredRecord | null> {
    return this.#limited(() => (this.#store as Store).read(key));
  }

  #limited<T>(call: () => Promise<T>): Promise<T> {
    const { storeTimeout, events, ids } = this.#config;
    return withTimeLimit(call, this.#store as Store, { storeTimeout }, events, ids);
  }
}

function read(stored: StoredRecord | null): Link {
  if (!stored) return { mark: "", sessions: [] };
  const link = JSON.parse(String(stored.payload)) as Link;
  if (typeof link.mark === "string" && Array.isArray(link.sessions)) return link;
  throw new SessionError("ERR_SESSION_UNREADABLE", "what links sessions to their identity provider cannot be read");
}
