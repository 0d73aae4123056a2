/** Answers requests for the page: what is asked for, whether the administrator may, and what becomes of it. */

import { isError, isSessionError, toldOf } from "../core/contracts/errors.ts";
import { isCookieStore } from "../core/record/cookie-store.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { endSession, type ManagedSession, type SessionPage } from "../manage.ts";
import { forbidden, type PageAnswer, page, plain, seeOther } from "./answers.ts";
import { type Html, html } from "./html.ts";
import { find, ofSubject, pageOfAll, perSubject } from "./lookup.ts";
import type { Counter, Recent } from "./recent.ts";
import {
  countOf,
  endEverybodyForm,
  endSubjectForm,
  eventsTable,
  everybody,
  type Frame,
  searchForm,
  sessionFacts,
  sessionsTable,
} from "./views.ts";

/** What an administrator asks for. */
export type AdminAct = "view" | "data" | "end" | "end-subject" | "end-everybody";

/** A request as the page sees it. */
export interface PageRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  header(name: string): string | undefined;
  /** The fields of a form. */
  form(): Promise<URLSearchParams>;
  /** Who asks; `undefined`: not an administrator. */
  authorize(act: AdminAct): Promise<string | undefined>;
}

/** What the page works with. */
export interface AdminContext {
  readonly sessions: Sessions<object>;
  readonly counter: Counter;
  readonly recent: Recent;
  readonly origin: string | undefined;
  /** What is shown of a session's data. */
  readonly redact: ((data: Readonly<Record<string, unknown>>, subject: string | undefined) => unknown) | undefined;
  /** Notes an act, and runs it in the name of an administrator. */
  noted<T>(by: string, act: AdminAct, about: About, run: () => T | Promise<T>): Promise<T>;
}

/** Whom an act is about. */
export interface About {
  readonly subject?: string | undefined;
  readonly handle?: string | undefined;
}

/** Answers a request. What `authorize` throws goes on, except for an outage of the store. */
export async function answer(context: AdminContext, request: PageRequest): Promise<PageAnswer> {
  const { method } = request;
  if (method !== "GET" && method !== "HEAD" && method !== "POST")
    return plain(405, "This page accepts GET and POST only.", { allow: "GET, HEAD, POST" });
  let administrator: string | undefined;
  try {
    administrator = await request.authorize("view");
    if (administrator === undefined) return forbidden();
    if (method === "POST") return await change(context, request, administrator);
    return await view(context, request, administrator);
  } catch (error) {
    if (!isSessionError(error)) throw error;
    const { code, message, status, cause } = error;
    const why = cause === undefined ? "" : ` (${toldOf(cause).message})`;
    const note = { text: `${code}: ${message}${why}.`, kind: "bad" } as const;
    return page(
      status,
      { title: "Sessions", administrator, note },
      html`<p><a class="button" href="?">Try again</a></p>`,
    );
  }
}

async function view(context: AdminContext, request: PageRequest, administrator: string): Promise<PageAnswer> {
  const query = new URLSearchParams(/\?([^#]*)/.exec(request.url)?.[1]);
  const [subject, handle] = [query.get("subject") ?? "", (query.get("handle") ?? "").trim()];
  const note = noteOf(query.get("done"));
  if (handle !== "")
    return viewSession(context, request, { administrator, note }, handle, subject, query.get("cursor"));
  if (subject !== "") return viewSubject(context, request, { administrator, note }, subject);
  return viewAll(context, request, { administrator, note }, query.get("cursor"));
}

type Given = Pick<Frame, "administrator" | "note">;

async function viewAll(
  context: AdminContext,
  request: PageRequest,
  given: Given,
  cursor: string | null,
): Promise<PageAnswer> {
  const counting = context.counter.get();
  const list = await listOf(context, request, cursor);
  const mayEndAll = endsEverybody(context) && (await request.authorize("end-everybody")) !== undefined;
  const body = html`${searchForm()}
${countOf(await counting)}
<h2>Sessions</h2>${list}
<h2>Last events</h2>${eventsTable(context.recent.events)}
${mayEndAll ? endEverybodyForm() : undefined}`;
  return page(200, { ...given, title: "Sessions" }, body);
}

async function listOf(context: AdminContext, request: PageRequest, cursor: string | null): Promise<Html> {
  const first = html`<a class="button" href="?">First page</a> `;
  let found: SessionPage | undefined;
  try {
    found = await pageOfAll(context.sessions, cursor ?? undefined);
  } catch (error) {
    if (cursor === null || !isError(error, "TypeError")) throw error;
    return html`<p>This page is none of this list any more.</p><p>${first}</p>`;
  }
  if (!found) return html`<p>${cannotList(context.sessions)}</p>`;
  const mayEnd = (await request.authorize("end")) !== undefined;
  const { sessions, cursor: next } = found;
  const more =
    next === undefined
      ? undefined
      : html`<a class="button" rel="next" href="?cursor=${encodeURIComponent(next)}">Next page</a>`;
  const caption = next === undefined && cursor === null ? "All sessions" : "Some of the sessions";
  return html`${sessionsTable(sessions, { now: now(context), caption, mayEnd })}
<nav aria-label="Pages"><p>${cursor === null ? undefined : first}${more}</p></nav>`;
}

function cannotList({ kept, stores }: Sessions<object>): string {
  const [kind] = kept.kinds;
  if (!kind || isCookieStore(kind.config.store))
    return "These sessions are kept in the cookies of their clients, so they cannot be listed. Search for a user to end all of theirs.";
  const { name, capabilities } = kind.config.store;
  const can = capabilities.bySubject
    ? "Search for a user to see theirs."
    : "It cannot find the sessions of a user either.";
  return `The ${stores[0]?.name ?? name} store cannot list its sessions. ${can}`;
}

async function viewSubject(
  context: AdminContext,
  request: PageRequest,
  given: Given,
  subject: string,
): Promise<PageAnswer> {
  const found = await ofSubject(context.sessions, subject);
  const mayEnd = (await request.authorize("end")) !== undefined;
  const mayEndAll = (await request.authorize("end-subject")) !== undefined;
  const caption =
    found && found.length >= perSubject ? `The first ${perSubject} sessions` : "All sessions of this user";
  const list = found
    ? sessionsTable(found, { now: now(context), caption, subject, mayEnd })
    : html`<p>These sessions cannot be listed by user.</p>`;
  const body = html`${searchForm(subject)}
<h2>Sessions of ${subject}</h2>${list}
${mayEndAll && (found === undefined || found.length > 0) ? endSubjectForm(subject) : undefined}`;
  return page(200, { ...given, title: `Sessions of ${subject}` }, body);
}

async function viewSession(
  context: AdminContext,
  request: PageRequest,
  { administrator = "", note }: Given,
  handle: string,
  subject: string,
  cursor: string | null,
): Promise<PageAnswer> {
  const { session: row, next } = await find(context.sessions, handle, subject, cursor ?? undefined);
  const frame: Frame = { administrator, note, title: row ? `Session ${row.handle}` : "No such session" };
  if (!row) {
    const on = html`?handle=${encodeURIComponent(handle)}&cursor=${encodeURIComponent(next ?? "")}`;
    const more = next === undefined ? undefined : html`<p><a class="button" href="${on}">Search on</a></p>`;
    const where =
      next === undefined ? "It has ended, or there was never one." : "It is not among the sessions searched so far.";
    return page(404, frame, html`${searchForm(subject, handle)}<h2>No such session</h2><p>${where}</p>${more}`);
  }
  const mayEnd = (await request.authorize("end")) !== undefined;
  const body = html`${searchForm(subject, handle)}${sessionFacts(row, { now: now(context), mayEnd }, await dataOf(context, request, row))}`;
  return page(200, frame, body);
}

/** What may be shown of the data: looking at them is noted. */
async function dataOf(context: AdminContext, request: PageRequest, row: ManagedSession): Promise<string | undefined> {
  const { redact } = context;
  const { data, subject, handle } = row;
  if (!redact || !data) return undefined;
  const by = await request.authorize("data");
  if (by === undefined) return undefined;
  const shown = await context.noted(by, "data", { subject, handle }, () => redact(data, subject));
  return JSON.stringify(shown, undefined, 2) ?? "nothing";
}

async function change(context: AdminContext, request: PageRequest, administrator: string): Promise<PageAnswer> {
  if (!isSameOrigin(request, context.origin))
    return plain(403, "The request came from another page. Open this page and use its own buttons.");
  const form = await request.form();
  const [act, subject, handle] = [form.get("act"), decoded(form.get("subject")), form.get("handle") ?? ""];
  if (act !== "end" && act !== "end-subject" && act !== "end-everybody") return plain(400, "There is no such act.");
  const by = await request.authorize(act);
  if (by === undefined || by !== administrator) return forbidden();
  if (act === "end") return endOne(context, by, handle, subject);
  if (act === "end-subject") {
    if (subject === "") return plain(400, "The user is missing.");
    await context.noted(by, act, { subject }, () => context.sessions.revoke(subject));
    return seeOther(`?subject=${encodeURIComponent(subject)}&done=subject`);
  }
  if (!endsEverybody(context)) return plain(400, "These sessions cannot all be ended at once.");
  if ((form.get("confirm") ?? "").trim() !== everybody) return seeOther("?done=unconfirmed");
  await context.noted(by, act, {}, () => context.sessions.revokeEverybody());
  // Not another page: the administrator's own session may be one of them.
  const note = { text: "All sessions have ended.", kind: "good" } as const;
  return page(
    200,
    { title: "All sessions have ended", administrator: by, note },
    html`<p><a href="?">Log in again</a></p>`,
  );
}

/** A subject as the page's forms have it; one that is not is none. */
function decoded(subject: string | null): string {
  try {
    return decodeURIComponent(subject ?? "");
  } catch {
    return "";
  }
}

async function endOne(context: AdminContext, by: string, handle: string, subject: string): Promise<PageAnswer> {
  if (handle === "") return plain(400, "The handle is missing.");
  const whose = subject === "" ? undefined : subject;
  const end = (): Promise<unknown> => endSession(context.sessions, handle, { subject: whose });
  const ended = await context.noted(by, "end", { subject: whose, handle }, end);
  return seeOther(
    `${whose === undefined ? "?" : `?subject=${encodeURIComponent(whose)}&`}done=${ended ? "one" : "gone"}`,
  );
}

/**
 * Whether a form was sent from this page. Browsers say so themselves; no page can make them lie. Over plain http, where
 * they send no `Sec-Fetch-Site`, the origin has to be that of the request.
 */
function isSameOrigin({ header }: PageRequest, expected: string | undefined): boolean {
  const site = header("sec-fetch-site") || undefined;
  const origin = header("origin");
  if (site !== undefined && site !== "same-origin") return false;
  if (expected !== undefined) return origin === expected;
  if (site !== undefined) return true;
  if (origin === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === (header("host") ?? header(":authority"));
}

function noteOf(done: string | null): Frame["note"] {
  switch (done) {
    case "one":
      return { text: "The session has ended.", kind: "good" };
    case "subject":
      return { text: "All sessions of this user have ended.", kind: "good" };
    case "gone":
      return { text: "The session had ended already.", kind: "plain" };
    case "unconfirmed":
      return { text: `Nothing was ended: the word ${everybody} was not typed.`, kind: "bad" };
    default:
      return undefined;
  }
}

function now({ sessions }: AdminContext): number {
  return sessions.kept.config.now();
}

function endsEverybody({ sessions }: AdminContext): boolean {
  return (sessions.kept.everybody?.length ?? 0) > 0;
}
