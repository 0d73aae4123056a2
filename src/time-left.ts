/** How long a session lives on: what a status route answers, and a browser's page that warns and offers to stay. */

/** How long a session still lives. These are durations, since the clock of a browser may be wrong. */
export interface TimeLeft {
  /** Seconds until it ends unless it is used. 0: it is over, or no user is logged in. `null`: it has no end. */
  readonly left: number | null;
  /** Seconds until it ends however much it is used. `null`: no such end. */
  readonly atMost: number | null;
}

/**
 * The answer of the status route for {@link watchTimeLeft}, on the server.
 *
 * @param session Any session of `sojourn`. In a route that extends the session, first call `session.save()`.
 * @param now The server's time in milliseconds since 1970. Default: `Date.now()`.
 * @returns Whole seconds, rounded up: 0 when no user is logged in, and only then.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { timeLeft } from "sojourn/time-left";
 *
 * const sessions = createSessions();
 * async function status(req: Request): Promise<Response> {
 *   sessions.restrict(req, "no-touch");
 *   return Response.json(timeLeft(await sessions.get(req)));
 * }
 * ```
 */
export function timeLeft(
  session: {
    readonly subject: string | undefined;
    readonly expiresAt: number | undefined;
    readonly endsAt: number | undefined;
  },
  now: number = Date.now(),
): TimeLeft {
  if (session.subject === undefined) return { left: 0, atMost: 0 };
  const seconds = (at: number | undefined): number | null =>
    at === undefined ? null : Math.max(0, Math.ceil((at - now) / 1000));
  return { left: seconds(session.expiresAt), atMost: seconds(session.endsAt) };
}

/** What a page should show about its session. */
export type SessionState =
  | { readonly is: "alive" }
  | {
      readonly is: "ending";
      /** Seconds until it ends, rounded up. */
      readonly seconds: number;
      /** The same in words, in the language of the page: "in 2 minutes", "in 40 seconds". */
      readonly when: string;
      /** Extends the session. Absent without `stayUrl`, and when its absolute end is near, which no use moves. */
      readonly stay: (() => void) | undefined;
    }
  | { readonly is: "over" };

/** The options of {@link watchTimeLeft}. */
export interface WatchTimeLeftOptions {
  /** The status route, for GET. It answers with the result of {@link timeLeft} as JSON, and has the access `"no-touch"`. The answer 401 means that the session is over. */
  readonly url: string;
  /** The route that extends the session, for POST. It also answers with the result of {@link timeLeft}. Default: there is no `stay`. */
  readonly stayUrl?: string | undefined;
  /** The number of seconds before the end at which the warning begins. Default 120. */
  readonly warnBefore?: number | undefined;
  /** Sends the requests: pass your own, for example to add a CSRF header. Default: the browser's. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Called when the state changes, and each second while it is "ending", in every tab. */
  readonly show: (state: SessionState) => void;
}

/**
 * Watches the session from a page. It counts down by itself, and asks the status route at the start, before a
 * warning, before it says that the session is over, when the user returns to the page, and after the computer has
 * slept. Tabs share the results.
 *
 * Without a response it keeps counting down, and says "over" at the end; it keeps asking, each second at first, then
 * every 30 seconds.
 *
 * @returns A function that ends the watch.
 * @example
 * ```ts
 * import { watchTimeLeft } from "sojourn/time-left";
 *
 * watchTimeLeft({
 *   url: "/session",
 *   show(state) {
 *     if (state.is === "over") location.assign("/login");
 *     document.title = state.is === "ending" ? `Your session ends ${state.when}` : "Shop";
 *   },
 * });
 * ```
 */
export function watchTimeLeft({
  url,
  stayUrl,
  warnBefore = 120,
  fetch = globalThis.fetch,
  show,
}: WatchTimeLeftOptions): () => void {
  const channel = new BroadcastChannel(`sojourn ${url}`);
  // This clock cannot be set. It may stand still while the computer sleeps: then the other one has jumped.
  const clock = (): number => performance.now();
  /** As good as one: timers may come early. */
  const aSecond = 900;
  let lead = Date.now() - clock();
  /** By that clock, in ms: when the session ends; when what is known was asked for; when it was asked last. */
  let [end, heard, asked] = [Number.POSITIVE_INFINITY, 0, Number.NEGATIVE_INFINITY];
  /** Ask; show nothing before the answer; over by the server's word; the warning has begun; use moves the end. */
  let [ask, blank, over, warned, movable] = [true, true, false, false, false];
  let [pause, stopped] = [aSecond, false];
  let shown: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const note = ({ left, atMost }: TimeLeft, at: number): void => {
    const lasts = left ?? Number.POSITIVE_INFINITY;
    [heard, end, pause] = [at, at + lasts * 1000, aSecond];
    [ask, blank, over, warned, movable] = [false, false, left === 0, lasts <= warnBefore, atMost !== left];
    tick();
  };
  const send = async (to: string, method?: string): Promise<void> => {
    const [at, sent] = [clock(), Date.now()];
    // Asks no second time before the answer.
    asked = Number.POSITIVE_INFINITY;
    let answer: TimeLeft | undefined;
    try {
      const response = await fetch(to, {
        method,
        cache: "no-store",
        signal: AbortSignal.timeout(10_000),
      } as RequestInit);
      if (response.ok) answer = await response.json();
      else if (response.status === 401) answer = { left: 0, atMost: 0 };
    } catch {
      // No answer, or another one, such as a login page, counts as none.
    }
    asked = clock();
    // Something newer may have been heard while this answer was on its way.
    if (stopped || at < heard) return;
    if (answer && (answer.left === null || answer.left >= 0)) {
      channel.postMessage([answer, sent]);
      note(answer, at);
    } else {
      pause = Math.min(pause * 2, 30_000);
      blank = false;
      render();
    }
  };
  const tick = (): void => {
    clearTimeout(timer);
    const jump = Date.now() - clock() - lead;
    if (Math.abs(jump) > 2000) {
      lead += jump;
      end -= Math.max(jump, 0);
      ask = blank = true;
    }
    const left = end - clock();
    if (left <= 0 ? !over : left <= warnBefore * 1000 && !warned) ask = blank = warned = true;
    if (!over) timer = setTimeout(tick, left > warnBefore * 1000 + 5000 ? 5000 : 1000);
    if (ask && clock() - asked >= pause) void send(url);
    if (!blank) render();
  };
  const render = (): void => {
    const seconds = Math.ceil((end - clock()) / 1000);
    const is = seconds <= 0 ? "over" : seconds <= warnBefore ? "ending" : "alive";
    const changed = is !== shown;
    shown = is;
    if (is === "ending") {
      const stay = stayUrl && movable ? () => void send(stayUrl, "POST") : undefined;
      show({ is, seconds, when: inWords(seconds), stay });
    } else if (changed) show({ is });
  };
  const look = (): void => {
    if (document.hidden) return;
    ask = true;
    pause = aSecond;
    tick();
  };

  channel.onmessage = ({ data: [answer, sent] }: MessageEvent<[TimeLeft, number]>) => {
    // A page that was frozen gets its messages late.
    const age = Date.now() - sent;
    if (age < 0 || age > 10_000) look();
    else if (clock() - age >= heard) note(answer, clock() - age);
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("focus", look);
  tick();
  return () => {
    stopped = true;
    clearTimeout(timer);
    channel.close();
    document.removeEventListener("visibilitychange", look);
    removeEventListener("focus", look);
  };
}

function inWords(seconds: number): string {
  const [amount, unit] = seconds < 90 ? [seconds, "second" as const] : [Math.round(seconds / 60), "minute" as const];
  const words = (locale?: string): string => new Intl.RelativeTimeFormat(locale).format(amount, unit);
  try {
    return words(document.documentElement.lang || undefined);
  } catch {
    // A lang that is no language, such as "en_US".
    return words();
  }
}
