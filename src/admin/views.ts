/** The views of the page, from what is known to HTML. */

import type { SessionEvent } from "../core/contracts/session-event.ts";
import type { ManagedSession } from "../manage.ts";
import { Html, html } from "./html.ts";
import type { Counted } from "./recent.ts";
import { style } from "./style.ts";

/** What every view has around it. */
export interface Frame {
  readonly title: string;
  /** The administrator. */
  readonly administrator: string | undefined;
  /** What has been done, or went wrong. */
  readonly note?: { readonly text: string; readonly kind: "good" | "bad" | "plain" } | undefined;
}

/** A whole document. */
export function documentOf({ title, administrator, note }: Frame, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<h1><a href="?">Sessions</a></h1>
${administrator === undefined ? undefined : html`<p>You are ${administrator}.</p>`}
</header>
<main id="main">
${note === undefined ? undefined : html`<p class="note ${note.kind}" role="${note.kind === "bad" ? "alert" : "status"}">${note.text}</p>`}
${body}
</main>
</body>
</html>
`.text;
}

/** The fields to search by. */
export function searchForm(subject = "", handle = ""): Html {
  return html`<form class="search" method="get" role="search" aria-label="Sessions">
<div><label for="subject">User</label><input id="subject" name="subject" value="${subject}" maxlength="200" autocomplete="off" spellcheck="false"></div>
<div><label for="handle">Session handle</label><input id="handle" name="handle" value="${handle}" maxlength="200" autocomplete="off" spellcheck="false" class="handle"></div>
<button type="submit">Search</button>
</form>`;
}

/** How many sessions there are. */
export function countOf(counted: Counted): Html {
  let text = html`<strong>?</strong> live sessions: this store cannot count`;
  if (counted === "later") text = html`<strong>…</strong> live sessions: still counting; reload the page`;
  else if (counted !== "unknown") {
    const number = counted.count.toLocaleString("en-US");
    text = html`<strong>${counted.estimate ? "about " : ""}${number}</strong> live sessions`;
  }
  return html`<p class="count">${text}</p>`;
}

/** What a table of sessions is about. */
export interface Listing {
  readonly caption: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Whose sessions they are, where that is one. */
  readonly subject?: string | undefined;
  readonly mayEnd: boolean;
}

/** A table of sessions. */
export function sessionsTable(rows: readonly ManagedSession[], { caption, now, subject, mayEnd }: Listing): Html {
  if (rows.length === 0) return html`<p>${caption}: none.</p>`;
  const names = ["Session", ...(subject === undefined ? ["User"] : []), "Device", "Logged in", "Last used", "Ends"];
  const lines = rows.map((row) => {
    const cells = [
      cell("Session", handleLink(row.handle, row.subject)),
      ...(subject === undefined ? [cell("User", html`${userLink(row.subject)}${actorOf(row, " ")}`)] : []),
      cell("Device", subject === undefined ? deviceOf(row) : html`${deviceOf(row)}${actorOf(row, " ")}`),
      cell("Logged in", instant(row.authenticatedAt ?? row.createdAt)),
      cell("Last used", instant(row.lastSeenAt)),
      cell("Ends", until(row.expiresAt, now)),
      ...(mayEnd ? [html`<td class="act" role="cell">${endForm(row)}</td>`] : []),
    ];
    return html`<tr role="row">${cells}</tr>\n`;
  });
  return table(caption, [...names, ...(mayEnd ? ["Action"] : [])], lines);
}

/** The roles say what a narrow screen, where rows are blocks, would hide from screen readers. */
function table(caption: string, names: readonly string[], lines: readonly Html[]): Html {
  const heads = names.map((name) => html`<th scope="col" role="columnheader">${name}</th>`);
  return html`<table role="table"><caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${heads}</tr></thead>
<tbody role="rowgroup">${lines}</tbody></table>`;
}

function cell(name: string, value: Html | string | undefined): Html {
  return html`<td role="cell" data-name="${name}">${value}</td>`;
}

function userLink(subject: string | undefined): Html {
  if (subject === undefined) return html`<span class="soft">not logged in</span>`;
  const whose = inUrl(subject);
  return whose === undefined ? html`${subject}` : html`<a href="?subject=${whose}">${subject}</a>`;
}

/** The administrator who acts as the user in a session, where there is one. */
function actorOf({ actor }: ManagedSession, before: string): Html | undefined {
  return actor === undefined ? undefined : html`${before}<span class="soft">by ${actor}</span>`;
}

/**
 * A subject in a query, and in a form: what is shown may differ from it, and browsers change line breaks in fields.
 * `undefined` for one with half of a surrogate pair, which cannot be said there.
 */
function inUrl(subject = ""): string | undefined {
  return subject !== "" && subject.isWellFormed() ? encodeURIComponent(subject) : undefined;
}

/** With the subject, the session is found without a search. */
function handleLink(handle: string, subject: string | undefined): Html {
  const whose = inUrl(subject);
  const more = whose === undefined ? "" : html`&amp;subject=${whose}`;
  return html`<a class="handle" href="?handle=${encodeURIComponent(handle)}${more}">${handle}</a>`;
}

function endForm(row: ManagedSession, words = "End"): Html {
  const whose = row.subject === undefined ? "" : ` of ${row.subject}`;
  return html`<form method="post" action="?"><input type="hidden" name="act" value="end">
<input type="hidden" name="handle" value="${row.handle}"><input type="hidden" name="subject" value="${inUrl(row.subject)}">
<button class="bad" type="submit" aria-label="${words === "End" ? "End session" : words} ${row.handle}${whose}">${words}</button></form>`;
}

/** One session's facts. */
export function sessionFacts(
  row: ManagedSession,
  { now, mayEnd }: Omit<Listing, "caption">,
  shown: string | undefined,
): Html {
  const known = (at: number | undefined): Html | undefined => (at === undefined ? undefined : instant(at));
  const facts: readonly [string, Html | string | undefined][] = [
    ["Handle", html`<span class="handle">${row.handle}</span>`],
    ["User", userLink(row.subject)],
    ["Used by", row.actor === undefined ? undefined : html`${userLink(row.actor)}, acting as the user`],
    ["Device", deviceOf(row) || undefined],
    ["Began", known(row.createdAt)],
    ["Logged in", known(row.authenticatedAt)],
    ["Last used", known(row.lastSeenAt)],
    ["Ends if unused", until(row.expiresAt, now)],
    ["Cookie", row.persistent ? "outlives the browser" : "ends with the browser"],
    ...Object.entries(row.device ?? {}).flatMap(([name, value]): [string, string][] =>
      name === "label" ? [] : [[`Device: ${name}`, String(value)]],
    ),
  ];
  const list = facts.map(([name, value]) => (value === undefined ? html`` : html`<dt>${name}</dt><dd>${value}</dd>`));
  const data =
    shown === undefined
      ? html`<p class="soft">Session data are not shown here.</p>`
      : html`<pre tabindex="0" role="region" aria-labelledby="data">${shown}</pre>`;
  return html`<h2>Session</h2><dl>${list}</dl>
${!row.readable ? html`<p class="note bad">This process cannot decode the session: its secret, or its format, is another.</p>` : undefined}
<h2 id="data">Data</h2>${data}
${mayEnd ? endForm(row, "End this session") : undefined}`;
}

/** Ends all sessions of a user, after a second step. */
export function endSubjectForm(subject: string): Html {
  return html`<details><summary>End all sessions of ${subject}…</summary>
<p>${subject} is logged out everywhere, and has to log in again.</p>
<form method="post" action="?"><input type="hidden" name="act" value="end-subject"><input type="hidden" name="subject" value="${inUrl(subject)}">
<button class="bad" type="submit">End all sessions of ${subject}</button></form></details>`;
}

/** The word that has to be typed. */
export const everybody = "everybody";

/** A form that ends all sessions, once the user has typed {@link everybody}. */
export function endEverybodyForm(): Html {
  return html`<details><summary>End the sessions of everybody…</summary>
<p>All users are logged out, you among them.</p>
<form method="post" action="?"><input type="hidden" name="act" value="end-everybody">
<p><label for="confirm">To confirm, type the word ${everybody}</label>
<input id="confirm" name="confirm" required pattern="\\s*${everybody}\\s*" autocomplete="off" spellcheck="false"></p>
<button class="bad" type="submit">End all sessions</button></form></details>`;
}

/** The last events of this process. */
export function eventsTable(events: readonly SessionEvent[]): Html {
  if (events.length === 0) return html`<p>None since this process began.</p>`;
  const lines = events.map(({ at, type, subject, handle, part, reason }) => {
    const cells = [
      cell("When", instant(at)),
      cell("Event", type),
      cell("User", subject === undefined ? undefined : userLink(subject)),
      cell("Session", handle === undefined ? undefined : handleLink(handle, subject)),
      cell("Why", [part && `part ${part}`, reason].filter(Boolean).join(": ")),
    ];
    return html`<tr role="row">${cells}</tr>\n`;
  });
  return table("Of this process, the newest first", ["When", "Event", "User", "Session", "Why"], lines);
}

function deviceOf({ label, device }: ManagedSession): string {
  const texts = Object.values(device ?? {}).filter((value) => typeof value === "string");
  return label ?? texts.join(", ").slice(0, 120);
}

function instant(at: number | undefined): Html {
  if (at === undefined || !Number.isFinite(at)) return html`<span class="soft">not known</span>`;
  const text = new Date(at).toISOString();
  return html`<time datetime="${text}">${text.slice(0, 10)} ${text.slice(11, 16)} UTC</time>`;
}

/** `in 2 h 5 min`, with the instant for those who ask. */
function until(at: number, now: number): Html {
  const minutes = Math.max(0, Math.round((at - now) / 60_000));
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  let words = `${minutes} min`;
  if (days > 0) words = `${days} d ${hours} h`;
  else if (hours > 0) words = `${hours} h ${minutes % 60} min`;
  const text = new Date(at).toISOString();
  return html`<time datetime="${text}" title="${text}">in ${words}</time>`;
}
