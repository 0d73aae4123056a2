/** Sockets that are open on sessions: which belong to one session, and when that ends. */

import type { Session } from "../../core/contracts/session.ts";
import type { SessionEvent, SessionListener } from "../../core/contracts/session-event.ts";

/**
 * Why a socket's session is over. `"logout"`: it was destroyed. `"revoked"`: it was ended from outside. `"expired"`: by
 * one of its timeouts. `"renewed"`: a login or `regenerate()` gave it a new id, which this socket did not bring; a new
 * socket of the same client has it. `"gone"`: it was one of these, in another process.
 */
export type SocketEnd = "logout" | "revoked" | "expired" | "renewed" | "gone";

/** What is known of a session: enough to tell whether it is still the one that a socket was opened with. */
type Known = Pick<Session, "isNew" | "handle" | "subject" | "expiresAt">;

/** One look at a session: an exchange. `again` finds it where it is now. */
export interface Look {
  get(): Promise<Known>;
  again(): Look;
}

/** What {@link WatchedSockets} needs of its surroundings. */
export interface WatchOptions<Socket> {
  /** The session of a `Cookie` header. */
  open(cookie: string): Look;
  /** Reports every event of the sessions; returns what stops it. */
  on(listener: SessionListener): () => void;
  /** Called once for each socket whose session is over. Does not throw. */
  ended(socket: Socket, reason: SocketEnd): void;
  /** Milliseconds. */
  readonly checkEvery: number;
  readonly now: () => number;
}

/** Sockets that brought the same cookies, and therefore have the same session. */
interface Group<Socket> {
  readonly cookie: string;
  readonly sockets: Set<Socket>;
  /** As it was seen last; `undefined` until it was. */
  session: Known | undefined;
  /** What the last event told of it. */
  told: SocketEnd | undefined;
  /** Events of sessions while it is not known yet which one it is. */
  readonly heard: Map<string, SocketEnd>;
  /** The last look that found it. */
  look: Look | undefined;
  looking: Promise<void> | undefined;
  lookAgain: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** How many sessions are read at the same time by `check`. */
const batch = 32;

const ends: Partial<Record<SessionEvent["type"], SocketEnd>> = {
  session_logout: "logout",
  impersonation_ended: "logout",
  session_revoked: "revoked",
  session_expired: "expired",
  session_login: "renewed",
  everybody_revoked: "revoked",
};

/**
 * Watches the sessions of open sockets: by the events of this process, by reading them now and then for what other
 * processes do, and by the clock. While no socket is open, it does nothing at all.
 */
export class WatchedSockets<Socket extends object> {
  readonly #options: WatchOptions<Socket>;
  readonly #groups = new Map<string, Group<Socket>>();
  #stop: (() => void) | undefined;

  constructor(options: WatchOptions<Socket>) {
    this.#options = options;
  }

  /** Watches the session of a socket. The answer ends that. */
  add(socket: Socket, cookie: string): () => void {
    this.#stop ??= this.#options.on((event) => this.#hear(event));
    const group = this.#groups.get(cookie) ?? this.#begin(cookie);
    group.sockets.add(socket);
    return () => {
      group.sockets.delete(socket);
      if (group.sockets.size === 0) this.#drop(group);
    };
  }

  /** Another look at the session of these cookies, wherever it is now. */
  again(cookie: string): Look | undefined {
    return this.#groups.get(cookie)?.look?.again();
  }

  /** What was found out about a session on another occasion. */
  noted(cookie: string, session: Known): void {
    const group = this.#groups.get(cookie);
    if (group) this.#judge(group, session);
  }

  /** Reads the session of these cookies again, when a save was refused. */
  refused(cookie: string): void {
    const group = this.#groups.get(cookie);
    if (group) this.#look(group);
  }

  /** Reads all sessions now. */
  async check(): Promise<void> {
    const groups = [...this.#groups.values()];
    for (let at = 0; at < groups.length; at += batch)
      await Promise.all(groups.slice(at, at + batch).map((group) => this.#look(group)));
  }

  #begin(cookie: string): Group<Socket> {
    const group: Group<Socket> = {
      cookie,
      sockets: new Set(),
      session: undefined,
      told: undefined,
      heard: new Map(),
      look: undefined,
      looking: undefined,
      lookAgain: false,
      timer: undefined,
    };
    this.#groups.set(cookie, group);
    this.#look(group);
    return group;
  }

  #drop(group: Group<Socket>): void {
    clearTimeout(group.timer);
    if (this.#groups.get(group.cookie) !== group) return;
    this.#groups.delete(group.cookie);
    if (this.#groups.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #isWatched(group: Group<Socket>): boolean {
    return this.#groups.get(group.cookie) === group;
  }

  #hear({ type, handle, subject }: SessionEvent): void {
    const end = ends[type];
    if (!end && type !== "session_renewed") return;
    for (const group of this.#groups.values()) {
      const { session } = group;
      if (!session) {
        if (handle !== undefined) group.heard.set(handle, end ?? "renewed");
      } else if (handle === undefined) {
        // Everybody, or all of a subject that lie in cookies, but for one perhaps.
        if (type === "everybody_revoked" || session.subject === subject) this.#lookSoon(group, end);
      } else if (session.handle === handle) {
        if (end) this.#end(group, end);
        // One in passing leads from the old id to the new one; a login, whose event comes next, does not.
        else this.#lookSoon(group, "renewed");
      }
    }
  }

  #lookSoon(group: Group<Socket>, told: SocketEnd | undefined): void {
    group.told = told;
    queueMicrotask(() => this.#isWatched(group) && this.#look(group));
  }

  /** Reads a session; when it is being read already, once more after that. Never rejects. */
  #look(group: Group<Socket>): Promise<void> {
    if (group.looking) group.lookAgain = true;
    group.looking ??= this.#read(group);
    return group.looking;
  }

  async #read(group: Group<Socket>): Promise<void> {
    clearTimeout(group.timer);
    let answered: boolean;
    do {
      group.lookAgain = false;
      try {
        const look = group.look?.again() ?? this.#options.open(group.cookie);
        const session = await look.get();
        if (!session.isNew) group.look = look;
        this.#judge(group, session);
        answered = true;
      } catch {
        // An outage ends nothing. The store has said so in an event, and is asked again.
        answered = false;
      }
    } while (group.lookAgain && this.#isWatched(group));
    group.looking = undefined;
    if (this.#isWatched(group)) this.#schedule(group, answered);
  }

  /** Spread, so that sockets which were opened together are not asked for together for ever. */
  #schedule(group: Group<Socket>, answered: boolean): void {
    const { checkEvery, now } = this.#options;
    const left = (group.session?.expiresAt ?? Number.POSITIVE_INFINITY) - now();
    const delay = checkEvery * (0.75 + Math.random() / 4);
    group.timer = setTimeout(() => this.#look(group), answered && left > 0 ? Math.min(delay, left) : delay);
    // A timer is a number where programs do not end by themselves.
    (group.timer as { unref?(): void }).unref?.();
  }

  #judge(group: Group<Socket>, session: Known): void {
    if (!this.#isWatched(group)) return;
    const before = group.session;
    if (!before) {
      this.#meet(group, session);
    } else if (session.isNew || session.handle !== before.handle || session.subject !== before.subject) {
      const expired = this.#options.now() >= (before.expiresAt ?? Number.POSITIVE_INFINITY);
      this.#end(group, expired ? "expired" : (group.told ?? "gone"));
    } else {
      group.told = undefined;
      group.session = known(session);
    }
  }

  /** The first time that a session is seen. Where there is none, nothing can end. */
  #meet(group: Group<Socket>, session: Known): void {
    const told = group.heard.get(session.handle);
    group.heard.clear();
    if (session.isNew) {
      this.#drop(group);
      return;
    }
    group.session = known(session);
    if (told === "renewed") this.#lookSoon(group, told);
    else if (told) this.#end(group, told);
  }

  #end(group: Group<Socket>, reason: SocketEnd): void {
    this.#drop(group);
    for (const socket of group.sockets) this.#options.ended(socket, reason);
    group.sockets.clear();
  }
}

function known({ isNew, handle, subject, expiresAt }: Known): Known {
  return { isNew, handle, subject, expiresAt };
}
