/** The types of a session and its options: what compiles, and by `@ts-expect-error` what must not. Run by `tsc`. */

import { type } from "arktype";
import { createSessions, isSessionError, type Session, type SessionErrorCode, type Store } from "sojourn";
import { memoryStore } from "sojourn/stores/memory";
import { number, object, optional, string } from "valibot";
import { z } from "zod";

interface Data {
  visits: number;
  cart: string[];
  user: { id: string; name: string };
}

/** The two types are the same, not only assignable. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_holds: Same<A, B>): void {}

declare const request: Request;

export async function data(): Promise<void> {
  const sessions = createSessions<Data>({ store: memoryStore(), warn: () => {} });
  const session = await sessions.get(request);
  same<typeof session, Session<Data>>(true);

  // Every key is optional, since a session begins empty.
  same<typeof session.data.visits, number | undefined>(true);
  session.data.visits = 1;
  session.data.cart?.push("tea");
  if (session.data.user) session.data.user.name = "Ada";
  delete session.data.visits;
  // @ts-expect-error a key that is not in Data
  session.data.visit = 1;
  // @ts-expect-error a value of another type
  session.data.visits = "1";
  // @ts-expect-error data may be absent
  session.data.cart.push("tea");
  // @ts-expect-error the data is changed, not replaced
  session.data = {};
}

export function methods(session: Session<Data>): void {
  same<string, typeof session.handle>(true);
  same<string | undefined, typeof session.subject>(true);
  const visits = session.update("visits", (n = 0) => n + 1);
  same<typeof visits, number | undefined>(true);
  session.flash("cart", ["tea"]);
  const cart = session.take("cart");
  same<typeof cart, string[] | undefined>(true);
  session.login("ada", { persistent: true });
  // @ts-expect-error a key that is not in Data
  session.update("visit", () => 1);
  // @ts-expect-error the function gives another type
  session.update("visits", () => "1");
  // @ts-expect-error an update is synchronous
  session.update("visits", async (n = 0) => n + 1);
  // @ts-expect-error a value of another type
  session.flash("cart", "tea");
  // @ts-expect-error a subject is text
  session.login(1);
  // @ts-expect-error the id is not readable
  session.id;
  // @ts-expect-error read-only
  session.subject = "ada";
}

export function options(): void {
  createSessions({ idleTimeout: "30m", absoluteTimeout: 3600, together: [] });
  createSessions<Data>({ together: [["cart", "visits"]] });
  // @ts-expect-error there is no such option
  createSessions({ ttl: 1 });
  // @ts-expect-error a duration is text or seconds
  createSessions({ idleTimeout: new Date() });
  // @ts-expect-error a unit that is not there
  createSessions({ idleTimeout: "30x" });
  // @ts-expect-error a key that is not in Data
  createSessions<Data>({ together: [["cart", "visit"]] });
  // @ts-expect-error a store has methods
  createSessions({ store: {} });
  const { update: _, ...without } = memoryStore();
  // @ts-expect-error a store has all its methods
  const incomplete: Store = without;
  void incomplete;
}

/** The schema gives the type, whichever library it is from. */
export async function schemas(): Promise<void> {
  const byZod = createSessions({ schema: z.object({ visits: z.number(), name: z.string().optional() }) });
  const zod = await byZod.get(request);
  same<typeof zod.data.visits, number | undefined>(true);
  // @ts-expect-error a value of another type
  zod.data.visits = "1";

  const valibot = await createSessions({ schema: object({ visits: number(), name: optional(string()) }) }).get(request);
  same<typeof valibot.data.visits, number | undefined>(true);
  // @ts-expect-error a key that is not in the schema
  valibot.data.visit = 1;

  const arktype = await createSessions({ schema: type({ visits: "number", "name?": "string" }) }).get(request);
  same<typeof arktype.data.visits, number | undefined>(true);
  // @ts-expect-error a value of another type
  arktype.data.visits = "1";
}

export function errors(error: unknown): number {
  if (!isSessionError(error)) return 500;
  same<typeof error.code, SessionErrorCode>(true);
  // @ts-expect-error a code that is not there
  if (error.code === "ERR_SESSION_NOVEL") return 1;
  return error.status;
}
