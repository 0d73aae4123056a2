/** Types of the adapters for Next.js and React Router: what compiles, and what must not. Read by `npm run check`, never run. */

import { cookies, headers } from "next/headers";
import { type NextFetchEvent, type NextRequest, NextResponse } from "next/server";
import {
  type ActionFunctionArgs,
  createContext,
  type LoaderFunctionArgs,
  type MiddlewareFunction,
  type RouteObject,
  type SessionStorage,
} from "react-router";
import type { MiddlewareFunction as MiddlewareFunction7, SessionStorage as SessionStorage7 } from "react-router7";
import { createSessions, type Session, type Sessions } from "sojourn";
import { nextSessions } from "sojourn/frameworks/next";
import { reactRouterSessions, reactRouterStorage } from "sojourn/frameworks/react-router";

interface Data {
  visits: number;
  user: { id: string };
}

const sessions: Sessions<Data> = createSessions<Data>();

// Next.js: the functions of next/headers fit, and what is wrapped keeps its types.
const { route, action, getSession } = nextSessions(sessions, { cookies, headers });
type Params = { params: Promise<{ id: string }> };
export const GET: (request: NextRequest, context: Params) => Promise<Response> = route(
  async (request: NextRequest, { params }: Params) => {
    const session: Session<Data> = await sessions.get(request);
    // @ts-expect-error Another type.
    session.data.visits = "1";
    // @ts-expect-error No await.
    sessions.get(request).data;
    return NextResponse.json([(await params).id, request.nextUrl.pathname]);
  },
);
export const POST: (request: Request) => Promise<Response> = route((request) => new Response(request.url));
export const proxy: (request: NextRequest, event: NextFetchEvent) => Promise<Response> = route(
  (_request: NextRequest, _event: NextFetchEvent) => NextResponse.next(),
);
export const save: (state: number, form: FormData) => Promise<number> = action(
  async (state: number, form: FormData) => {
    const session: Session<Data> = await getSession();
    session.data.user = { id: `${form.get("id")}` };
    // @ts-expect-error No such key.
    session.data.visit = 1;
    return state + 1;
  },
);
// @ts-expect-error A handler answers.
route(async () => {});
// @ts-expect-error An action is asynchronous.
action((form: FormData) => form.get("id"));
// @ts-expect-error It cannot do without them.
nextSessions(sessions);
// @ts-expect-error It cannot do without both.
nextSessions(sessions, { cookies });
// @ts-expect-error There is no such option.
nextSessions(sessions, { cookies, headers, attach: "session" });

// React Router: the middleware fits framework mode, data mode, and both versions.
export const middleware: MiddlewareFunction<Response>[] = [reactRouterSessions(sessions)];
export const middleware7: MiddlewareFunction7<Response>[] = [reactRouterSessions(sessions)];
const visitor = createContext<Session<Data>>();
export const routes: RouteObject[] = [
  { middleware: [reactRouterSessions(sessions, { attach: visitor, secure: (request) => request.url !== "" })] },
];
export async function loader({ context }: LoaderFunctionArgs): Promise<number | undefined> {
  const session: Session<Data> = await sessions.get(context);
  // @ts-expect-error Another type.
  context.get(visitor).data.visits = "1";
  // @ts-expect-error No await.
  sessions.get(context).data;
  return session.data.visits;
}
// @ts-expect-error What createContext gives.
reactRouterSessions(sessions, { attach: "session" });
// @ts-expect-error Of other sessions.
reactRouterSessions(sessions, { attach: createContext<Session<{ other: number }>>() });

// Its session storage is React Router's, with the session itself beside.
interface Flash {
  notice: string;
}
const storage = reactRouterStorage<Data, Flash>(sessions);
export const asTheirs: SessionStorage<Data, Flash> = storage;
export const asTheirs7: SessionStorage7<Data, Flash> = storage;
export async function act({ request }: ActionFunctionArgs): Promise<string> {
  const session = await storage.getSession(request.headers.get("Cookie"));
  const visits: number | undefined = session.get("visits");
  session.set("visits", (visits ?? 0) + 1);
  session.flash("notice", "saved");
  // @ts-expect-error Another type.
  session.set("visits", "1");
  // @ts-expect-error No such key.
  session.get("visit");
  // @ts-expect-error What is flashed has its own keys.
  session.flash("visits", 1);
  session.sojourn.login("ada");
  // @ts-expect-error An option of createSessions.
  await storage.commitSession(session, { httpOnly: false });
  return storage.commitSession(session, { maxAge: 60 });
}
