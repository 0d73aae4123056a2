/** The types of sessions in parts: what compiles, and by `@ts-expect-error` what must not. Run by `tsc`. */

import { createSessions, type Session, type Sessions } from "sojourn";
import { expressSessions } from "sojourn/frameworks/express";
import { createPartsSessions, defineParts, type PartsSession, type PartsSessions } from "sojourn/parts";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import { z } from "zod";

interface Data {
  csrfToken: string;
  userId: string;
  userData: { name: string };
  theme: "light" | "dark";
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_holds: Same<A, B>): void {}

declare const request: Request;
const store = memoryStore();
const secrets = "secret";
const csrf = { cookie: { name: "csrf" }, store: cookieStore({ secrets }) };

const sessions = createPartsSessions<Data>({
  idleTimeout: "1h",
  together: [["userId", "userData"]],
  parts: {
    csrf: { ...csrf, fields: ["csrfToken"] },
    login: { store, fields: ["userId", "userData"], schema: z.object({ userId: z.string() }) },
    rest: { store, cookie: { name: "rest" }, fields: "rest", persistent: true },
  },
});

export async function whole(): Promise<void> {
  same<typeof sessions, PartsSessions<Data>>(true);
  const session = await sessions.get(request);
  same<typeof session.data.theme, "light" | "dark" | undefined>(true);
  session.update("theme", () => "dark");
  session.destroy({ parts: ["login"] });
  const began: number | undefined = session.part("login").createdAt;
  session.part("login").persistent = true;
  // @ts-expect-error a key that is not in Data
  session.data.colour = "red";
  // @ts-expect-error the data of a part are those of the session
  session.part("login").data;
  // @ts-expect-error a list
  session.clear({ parts: "login" });
  // It is a session, and these are sessions.
  const any: Session<Data> = session;
  const mounted: Sessions<Data> = sessions;
  expressSessions(sessions);
  void [began, any, mounted];
}

/** Only the fields that were asked for are there. */
export async function some(): Promise<void> {
  const session = await sessions.get(request, ["userId", "theme"]);
  same<typeof session, PartsSession<Pick<Data, "userId" | "theme">>>(true);
  same<typeof session.data.userId, string | undefined>(true);
  // @ts-expect-error its part was not asked for
  session.data.csrfToken;
  // @ts-expect-error nor can it be changed
  session.update("csrfToken", () => "x");
  // @ts-expect-error a key that is not in Data
  await sessions.get(request, ["user"]);
  // @ts-expect-error sessions in one record are loaded as they are
  await createSessions<Data>().get(request, ["userId"]);
}

export function options(): void {
  // @ts-expect-error a key that is not in Data
  createPartsSessions<Data>({ parts: { login: { store, fields: ["user"] } } });
  // @ts-expect-error a part has a store
  createPartsSessions<Data>({ parts: { login: { fields: "rest" } } });
  // @ts-expect-error and fields
  createPartsSessions<Data>({ parts: { login: { store } } });
  // @ts-expect-error "rest" is the only word
  createPartsSessions<Data>({ parts: { login: { store, fields: "auto" } } });
  // @ts-expect-error every part has a store of its own
  createPartsSessions<Data>({ store, parts: { login: { store, fields: "rest" } } });
  createPartsSessions<Data>({
    parts: { all: { store, fields: { exclude: ["theme"] } }, theme: { ...csrf, fields: ["theme"] } },
  });
  // @ts-expect-error a schema of other data
  createPartsSessions<Data>({ parts: { login: { store, fields: "rest", schema: z.object({ userId: z.number() }) } } });
}

/** `defineParts` knows the names, and that every key is in exactly one part. */
export async function defined(): Promise<void> {
  const parts = defineParts<Data>()({
    csrf: { ...csrf, fields: ["csrfToken"] },
    login: { store, fields: ["userId", "userData"] },
    rest: { store, cookie: { name: "rest" }, fields: ["theme"] },
  });
  const named = createPartsSessions({ parts, onError: "save" });
  same<typeof named, PartsSessions<Data, "csrf" | "login" | "rest">>(true);
  const session = await named.get(request);
  same<typeof session, PartsSession<Data, "csrf" | "login" | "rest">>(true);
  session.destroy({ parts: ["login", "csrf"] });
  // @ts-expect-error a part that is not there
  session.destroy({ parts: ["logins"] });
  // @ts-expect-error a part that is not there
  session.part("logins");
  const plain: Sessions<Data> = named;
  void plain;

  const define = defineParts<Data>();
  define({ all: { store, fields: "rest" } });
  define({ all: { store, fields: { exclude: ["theme"] } }, theme: { store, fields: ["theme"] } });
  define({ all: { store, fields: { exclude: ["theme"] } }, theme: { store, fields: "rest" } });
  define({
    some: { store, fields: { include: ["theme", "userId"], exclude: ["userId"] } },
    rest: { store, fields: { exclude: ["theme"] } },
  });
  // @ts-expect-error no part takes userData and theme
  define({ login: { store, fields: ["userId"] }, csrf: { ...csrf, fields: ["csrfToken"] } });
  // @ts-expect-error both take userId
  define({ login: { store, fields: ["userId"] }, rest: { store, fields: { exclude: ["theme", "userData"] } } });
  define({
    // @ts-expect-error both take userId
    login: { store, fields: ["userId", "userData"] },
    // @ts-expect-error both take userId
    other: { store, fields: ["userId"] },
    rest: { store, fields: "rest" },
  });
  // @ts-expect-error two take the rest
  define({ login: { store, fields: "rest" }, other: { store, fields: "rest" } });
  // @ts-expect-error a key that is not in Data
  define({ login: { store, fields: ["user"] }, rest: { store, fields: "rest" } });
}

/** Login takes over values by key, of the types of the data. */
export function merging(session: Session<Data>, parts: PartsSession<Data>): void {
  session.login("ada", { persistent: true, merge: { theme: (guest, users) => (guest === "dark" ? guest : users) } });
  parts.login("ada", { merge: { userData: (_guest, users) => ({ name: users.name }), theme: () => undefined } });
  // @ts-expect-error a value of another type
  session.login("ada", { merge: { theme: () => "red" } });
  // @ts-expect-error a key that is not in Data
  session.login("ada", { merge: { colour: () => "red" } });
  // @ts-expect-error a function decides
  session.login("ada", { merge: { theme: "dark" } });
}
