/** Sessions in parts: their requests, and the parts of all sessions of a subject. */

import { type HeaderAccess, writeHeaders } from "../core/client/headers.ts";
import type { Incoming } from "../core/contracts/incoming.ts";
import type { Found } from "../core/contracts/records.ts";
import type { Session } from "../core/contracts/session.ts";
import type { SessionEvent, SessionEventType, SessionListener } from "../core/contracts/session-event.ts";
import type { Config } from "../core/options/options.ts";
import type { SubjectSessions } from "../core/record/subjects.ts";
import type { Keeping, Kept, KeptIn } from "../core/request/kept.ts";
import { describing, loadWork, storesOf } from "../core/request/one-record.ts";
import { Sessions } from "../core/request/sessions.ts";
import type { Work } from "../core/save/commit.ts";
import { isRevocable, makeParts, type Part, type Parts, type PartsOptions } from "./options.ts";
import { PartsRequest } from "./request.ts";
import { type PartsSession, SessionInParts } from "./session.ts";

/**
 * The sessions of one application, kept in parts. Made by `createPartsSessions`, mounted like any other.
 *
 * @typeParam Data The shape of `session.data`.
 * @typeParam Name The names of the parts, where `defineParts` told them.
 * @example
 * ```ts
 * import type { PartsSessions } from "sojourn/parts";
 *
 * async function theme(sessions: PartsSessions<{ user: string; theme: string }>, request: object): Promise<string> {
 *   const { data } = await sessions.get(request, ["theme"]); // loads no other part
 *   return data.theme ?? "light";
 * }
 * ```
 */
export interface PartsSessions<Data extends object = Record<string, unknown>, Name extends string = string>
  extends Sessions<Data> {
  /** The session of a request: all parts whose cookies came, loaded at the same time. */
  get(request: object): Promise<PartsSession<Data, Name>>;
  /** The same session, loaded only as far as these fields need it. Touching another is a `TypeError` then. */
  get<Key extends keyof Data & string>(
    request: object,
    fields: readonly Key[],
  ): Promise<PartsSession<Pick<Data, Key>, Name>>;
  current(): Promise<PartsSession<Data, Name>>;
}

/**
 * Creates sessions whose data is kept in several places, each part with its own cookie, store, lifetimes and
 * protection. Mount and use them like other sessions: `session.data` is one object.
 *
 * @typeParam Data The shape of `session.data`.
 * @typeParam Name The names of the parts.
 * @param options See {@link PartsOptions}. It is a `TypeError` if two parts have the same key, or if you write a key
 * that no part has.
 * @example
 * ```ts
 * import { createPartsSessions } from "sojourn/parts";
 * import { cookieStore } from "sojourn/stores/cookie";
 * import { memoryStore } from "sojourn/stores/memory";
 *
 * const secrets = (process.env.SESSION_SECRETS ?? "").split(" ");
 *
 * export const sessionsInParts = () =>
 *   createPartsSessions<{ csrfToken: string; userId: string; theme: string }>({
 *     parts: {
 *       csrf: { cookie: { name: "csrf" }, store: cookieStore({ secrets }), fields: ["csrfToken"] },
 *       login: { cookie: { name: "session" }, store: memoryStore(), fields: ["userId"], idleTimeout: "30m" },
 *       rest: { cookie: { name: "data" }, store: cookieStore({ secrets }), fields: "rest", persistent: true },
 *     },
 *   });
 * ```
 */
export function createPartsSessions<Data extends object = Record<string, unknown>, Name extends string = string>(
  options: PartsOptions<Data, Name>,
): PartsSessions<Data, Name> {
  return new Sessions<Data>(partsBackend(makeParts(options as never))) as PartsSessions<Data, Name>;
}

function partsBackend<Data extends object>(parts: Parts): Keeping<Data> {
  return {
    config: parts.home.core.config,
    kinds: [parts.home, ...parts.all.filter((part) => part !== parts.home)].map(kindOf),
    subjects: subjectsOf(parts),
    external: parts.home.core.external,
    everybody: parts.all.flatMap(({ core }) => core.everybody ?? []),
    stores: storesOf(parts.all.map(({ core }) => core.config)),
    on: (listener, observes) => listen(parts, listener, observes),
    begin: (incoming) => new KeptParts(parts, incoming),
  };
}

function kindOf({ name, core }: Part): KeptIn {
  return { part: name, config: core.config };
}

/** What was found of each part before. */
type FoundParts = ReadonlyMap<Part, Found>;

/** The session of one request in its parts. */
class KeptParts<Data extends object> implements Kept<Data> {
  readonly #parts: Parts;
  readonly #from: FoundParts;
  readonly #request: PartsRequest;
  #session: Session<Data> | undefined;
  #counted = false;

  /** @param from Where the parts were found before: they are looked for from there. */
  constructor(parts: Parts, incoming: Incoming, from: FoundParts = new Map()) {
    this.#parts = parts;
    this.#from = from;
    const read = (part: Part): Promise<Work> =>
      loadWork(part.core, incoming, from.get(part), (work) => {
        if (part === parts.home) work.describe = describing(part.core, incoming);
        return work;
      });
    this.#request = new PartsRequest(parts, read, incoming);
  }

  async load(fields: readonly string[] | undefined): Promise<Session<Data>> {
    if (!this.#counted) this.#parts.cleanup?.request();
    this.#counted = true;
    const request = this.#request;
    const wanted = fields?.map((key) => this.#parts.routes.needed(key));
    await request.load(request.all.filter((_, at) => wanted === undefined || wanted.includes(at)));
    this.#session ??= new SessionInParts<Data>(request);
    return this.#session;
  }

  settled(): Promise<unknown> {
    return this.#request.settled();
  }

  logsOut(): boolean {
    return this.#request.logsOut;
  }

  isClean(): boolean {
    return false;
  }

  save(logoutOnly: boolean): Promise<boolean> {
    return this.#request.save(logoutOnly);
  }

  writeHead(headers: HeaderAccess, check: (sent: Config) => void): void {
    const sent = this.#request.loaded().filter(({ work }) => work.setCookie !== undefined);
    for (const { work } of sent) check(work.core.config);
    writeHeaders(headers, sent.length === 0 ? undefined : sent.flatMap(({ work }) => work.setCookie ?? []));
  }

  again(incoming: Incoming): Kept<Data> {
    const found = new Map(this.#from);
    for (const { part, work } of this.#request.loaded()) if (work.found) found.set(part, work.found);
    return new KeptParts<Data>(this.#parts, incoming, found);
  }
}

/** The home part lists; every part that supports it is revoked. */
function subjectsOf({ all, home }: Parts): Pick<SubjectSessions, "list" | "revoke"> {
  return {
    list: (subject, options) => home.core.subjects.list(subject, options),
    // A login reads the epoch of the home part first, so that is raised last: where the home part stays, all parts do.
    async revoke(subject, options) {
      // A copy that a renewal is making of what was just ended is none of them. Where a session was named, none stays.
      const { subjects, config } = home.core;
      const isListed = config.store.capabilities.bySubject && options.handle === undefined;
      const living = isListed ? async () => (await subjects.current?.(subject)) ?? new Set<string>() : undefined;
      const others: (() => Promise<number>)[] = [];
      for (const part of all) {
        if (part !== home && isRevocable(part))
          others.push(await part.core.subjects.beginRevoke(subject, options, living));
      }
      const ended = await home.core.subjects.revoke(subject, options);
      for (const end of others) await end();
      return ended;
    },
  };
}

/** The home part alone emits the events of logins, logouts and revocations. */
const ofTheSession: readonly SessionEventType[] = [
  "session_login",
  "session_logout",
  "session_revoked",
  "excess_sessions_exceeded",
  "everybody_revoked",
];

function listen({ all, home }: Parts, listener: SessionListener, observes?: boolean): () => void {
  const stops = all.map((part) =>
    part.core.config.events.add((event: SessionEvent) => {
      if (part === home || !ofTheSession.includes(event.type)) return listener({ ...event, part: part.name });
    }, observes),
  );
  return () => {
    for (const stop of stops) stop();
  };
}
