/** The types of the core, beyond `sessions.ts`: what is forgotten, what a schema changes, what others implement. Run by `tsc`. */

import { type } from "arktype";
import {
  bareToken,
  createSessions,
  type Duration,
  encrypted,
  type Format,
  type IdScheme,
  jsonFormat,
  type Session,
  type SessionEvent,
  type SessionInfo,
  type Sessions,
  sealedToken,
  signedToken,
  type TokenFormat,
} from "sojourn";
import * as valibot from "valibot";
import { z } from "zod";

interface Data {
  visits: number;
  cart: string[];
  user: { id: string; name: string };
  notice: "saved" | "failed";
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_holds: Same<A, B>): void {}

declare const request: Request;
declare const sessions: Sessions<Data>;
declare const session: Session<Data>;

/** A promise is not a session: what is forgotten is found. */
export async function missingAwait(): Promise<void> {
  // @ts-expect-error no await
  sessions.get(request).data;
  // @ts-expect-error no await
  sessions.current().update("visits", () => 1);
  // @ts-expect-error no await: a promise is always true
  if (session.save()) return;
  // @ts-expect-error no await
  sessions.list("ada").length;
  // @ts-expect-error no await
  const ended: number = sessions.revoke("ada");
  void ended;
  const saved = await session.save();
  same<typeof saved, boolean>(true);
  const list = await sessions.list("ada");
  same<typeof list, SessionInfo[]>(true);
}

/** The functions given to `update` see the type of their key, which may be absent. */
export function updates(): void {
  session.update("visits", (n) => {
    same<typeof n, number | undefined>(true);
    return (n ?? 0) + 1;
  });
  session.update("user", (user) => {
    same<typeof user, { id: string; name: string } | undefined>(true);
    return user && { ...user, name: "Ada" };
  });
  session.update("cart", () => undefined);
  // @ts-expect-error absent: not a number yet
  session.update("visits", (n) => n + 1);
  // @ts-expect-error a part of the value only
  session.update("user", () => ({ id: "1" }));
  // @ts-expect-error a list of something else
  session.update("cart", (cart) => [...(cart ?? []), 1]);
  // @ts-expect-error a value, not a function
  session.update("visits", 1);
  // @ts-expect-error null is not undefined
  session.update("visits", () => null);
}

export function flashAndTake(): void {
  session.flash("notice", "saved");
  const notice = session.take("notice");
  same<typeof notice, "saved" | "failed" | undefined>(true);
  // @ts-expect-error a word that is not among them
  session.flash("notice", "maybe");
  // @ts-expect-error nothing to leave
  session.flash("notice");
  // @ts-expect-error a key that is not in Data
  session.take("message");
}

export function facts(): void {
  same<typeof session.isNew, boolean>(true);
  same<typeof session.createdAt, number | undefined>(true);
  same<typeof session.authenticatedAt, number | undefined>(true);
  same<typeof session.expiresAt, number | undefined>(true);
  session.persistent = true;
  // @ts-expect-error read-only
  session.handle = "x";
  // @ts-expect-error read-only
  session.expiresAt = 1;
  // @ts-expect-error a Date is not what is kept
  session.login("ada", { persistent: new Date() });
  // @ts-expect-error a subject is given by login
  session.login();
}

/** Without a type of its own a session keeps anything under any key. */
export async function untyped(): Promise<void> {
  const any = await createSessions().get(request);
  same<typeof any, Session>(true);
  any.data["anything"] = new Map();
  same<(typeof any.data)["x"], unknown>(true);
  // @ts-expect-error unknown until it is looked at
  any.data["x"].y;
}

/** The type is what comes out of a schema, not what goes in. */
export async function schemas(): Promise<void> {
  const byZod = createSessions({
    schema: z.object({ at: z.coerce.date(), n: z.string().transform(Number), theme: z.string().default("light") }),
  });
  const zod = await byZod.get(request);
  same<typeof zod.data.at, Date | undefined>(true);
  same<typeof zod.data.n, number | undefined>(true);
  same<typeof zod.data.theme, string | undefined>(true);
  // @ts-expect-error text goes in, a number comes out
  zod.data.n = "1";

  const byValibot = createSessions({
    schema: valibot.object({ n: valibot.pipe(valibot.string(), valibot.transform(Number)) }),
  });
  const fromValibot = await byValibot.get(request);
  same<typeof fromValibot.data.n, number | undefined>(true);
  // @ts-expect-error text goes in, a number comes out
  fromValibot.data.n = "1";

  const byArktype = createSessions({ schema: type({ n: "string.numeric.parse", "tags?": "string[]" }) });
  const fromArktype = await byArktype.get(request);
  same<typeof fromArktype.data.n, number | undefined>(true);
  same<typeof fromArktype.data.tags, string[] | undefined>(true);
  // @ts-expect-error a list of text
  fromArktype.data.tags = [1];

  createSessions<Data>({ schema: z.custom<Data>() });
  // @ts-expect-error the schema gives another type than was asked for
  createSessions<Data>({ schema: z.object({ visits: z.string() }) });
  // @ts-expect-error not a Standard Schema
  createSessions({ schema: { parse: (value: unknown) => value } });
}

export function durations(): void {
  const good: Duration[] = [0, 1.5, "1s", "250ms", "1.5h", "14d", "2w"];
  void good;
  // @ts-expect-error no unit
  const unit: Duration = "30";
  // @ts-expect-error a unit that is not there
  const year: Duration = "1y";
  // @ts-expect-error seconds are a number
  const big: Duration = 1n;
  void [unit, year, big];
  createSessions({ idleTimeout: false, renewAfter: false });
  // @ts-expect-error a touch cannot be turned off
  createSessions({ touchInterval: false });
}

export function cookies(): void {
  createSessions({ cookie: { name: "id", sameSite: "strict", secure: true, path: "/app", prefix: "__Secure-" } });
  // @ts-expect-error lower case
  createSessions({ cookie: { sameSite: "Lax" } });
  // @ts-expect-error always HttpOnly
  createSessions({ cookie: { httpOnly: false } });
  // @ts-expect-error the session has timeouts, the cookie follows
  createSessions({ cookie: { maxAge: 1 } });
  // @ts-expect-error no such prefix
  createSessions({ cookie: { prefix: "__host-" } });
}

/** What others may implement is checked by shape. */
export function parts(): void {
  const own: TokenFormat = { seal: (id) => id, open: async (id) => (id ? { id, stale: false } : null) };
  createSessions({ token: own });
  createSessions({ token: bareToken() });
  createSessions({ token: signedToken(["a", "b"] as const), format: encrypted(jsonFormat(), "secret") });
  // @ts-expect-error made, not passed
  createSessions({ token: sealedToken });
  // @ts-expect-error open answers an object
  const wrong: TokenFormat = { seal: (id) => id, open: (id) => id };
  // @ts-expect-error the format first
  encrypted("secret", jsonFormat());
  // @ts-expect-error a format that cannot read
  const writeOnly: Format = { name: "x", encode: () => "", encodeValue: () => "" };
  const ids: IdScheme = { prefix: "x:", create: () => "x", accepts: () => true, keyOf: (id) => `x:${id}` };
  createSessions({ ids });
  // @ts-expect-error without a prefix nobody finds them
  createSessions({ ids: { create: () => "x", accepts: () => true, keyOf: (id: string) => id } });
  void [wrong, writeOnly];
}

export function events(): void {
  const stop = sessions.on((event) => {
    same<typeof event, SessionEvent>(true);
    if (event.type === "session_created") return;
    // @ts-expect-error an event that is not there
    if (event.type === "session_touched") return;
    // @ts-expect-error no id in events
    event.id;
    // @ts-expect-error read-only
    event.at = 1;
  });
  stop();
}
