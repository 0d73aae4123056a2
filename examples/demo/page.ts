/** The one page of the demo, and the panel beside it that shows what happens underneath. */

import type { Session, SessionInfo } from "sojourn";
import type { Device, Visitor } from "./app.ts";
import type { LateResult } from "./experiments.ts";
import { type Html, html } from "./html.ts";
import { type RaceResult, runners } from "./race.ts";
import type { Log } from "./watch.ts";

/** Who can log in, by what they are known to the sessions as. */
export const users: ReadonlyMap<string, string> = new Map([
  ["ada", "Ada"],
  ["grace", "Grace"],
  ["katherine", "Katherine"],
]);

/** What there is to buy. */
export const articles: ReadonlyMap<string, { readonly id: string; readonly name: string; readonly price: number }> =
  new Map(
    [
      { id: "tea", name: "Assam tea", price: 9 },
      { id: "pot", name: "Iron teapot", price: 48 },
      { id: "cup", name: "Porcelain cup", price: 14 },
    ].map((article) => [article.id, article]),
  );

const mostDevices = 6;

/** A session as the store holds it. */
export interface StoredSession {
  readonly key: string;
  readonly payload: string;
  readonly expiresAt: number;
  readonly subject: string | undefined;
}

/** What the page shows. */
export interface View {
  readonly session: Session<Visitor>;
  readonly devices: readonly SessionInfo<Device>[];
  readonly notice: string | undefined;
  readonly race: Visitor["race"] | undefined;
  readonly late: Visitor["late"] | undefined;
  readonly outage: Visitor["outage"] | undefined;
  readonly panel: Html;
  readonly https: boolean;
  /** A payment waits for the user to prove who they are. */
  readonly asks: boolean;
}

export function page({ session, devices, notice, race, late, outage, panel, https, asks }: View): Html {
  return document(
    "sojourn · demo",
    html`
    <header>
      <p class="brand"><span class="mark" aria-hidden="true"></span>sojourn <span class="tag">live demo</span></p>
      <h1>Every change is kept. Every logout is final.</h1>
      <p class="lead">
        A small shop with server-side sessions, kept in files: no server, no setup. Its engine room is open: every
        cookie, record and event is shown.
      </p>
    </header>
    <p id="notice" role="status" tabindex="-1">${notice}</p>
    <main>
      <div id="app" class="cards">
        ${you(session, https)} ${cart(session.data.cart ?? {}, session.subject, asks)} ${devicesCard(session, devices)}
        ${raceCard(race)} ${lateCard(session.subject, late)} ${outageCard(outage)}
      </div>
      <aside id="panel" aria-label="Engine room">${panel}</aside>
    </main>
    <footer>
      <p>
        ${
          https
            ? "Over https, a browser that can do it binds its session to a key: log in, reload, and see."
            : html`The cookie is named <code>session</code> here, not <code>__Host-session</code>, and lacks
                <code>Secure</code>, because this page is served over plain http:
                <code>cookie: { secure: false }</code> says so. Over https you leave that line out.`
        } Sessions stay in a directory, so they survive a restart: stop the demo, start it, reload. The
        code of all this is <code>examples/demo/app.ts</code>.
      </p>
    </footer>`,
  );
}

export function errorPage(text: string): string {
  return String(
    document(
      "sojourn · demo",
      html`<main class="error"><p id="notice" role="status">${text}</p><p><a href="/">Back to the shop</a></p></main>`,
    ),
  );
}

function document(title: string, body: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${title}</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/style.css">
  <script type="module" src="/page.js"></script>
</head>
<body>${body}</body>
</html>`;
}

function you(session: Session<Visitor>, https: boolean): Html {
  const name = session.subject === undefined ? undefined : users.get(session.subject);
  return html`
    <section id="you" aria-labelledby="you-title" data-user="${session.subject ?? ""}">
      <h2 id="you-title">${name ? html`Hello, ${name}` : "Hello, guest"}</h2>
      ${session.actor && html`<p id="actor" class="tag">${users.get(session.actor)} acts as ${name}</p>`}
      <div class="split">
        <p class="figure"><strong id="visits">${session.data.visits}</strong> ${session.data.visits === 1 ? "visit" : "visits"}</p>
        <dl>
          <div><dt>Handle</dt><dd><code>${session.handle}</code></dd></div>
          <div><dt>Began</dt><dd>${session.createdAt === undefined ? "just now" : ago(session.createdAt)}</dd></div>
          <div><dt>Ends unused</dt><dd>${ends(Math.min(session.endsAt ?? Infinity, Date.now() + 1_800_000))}</dd></div>
          ${https ? html`<div><dt>Bound</dt><dd id="bound">${session.bound ? "to this browser" : "no"}</dd></div>` : ""}
        </dl>
      </div>
      ${name ? loggedIn(session, https) : loginForm()}
    </section>`;
}

function loginForm(): Html {
  return html`
      <form method="post" action="/login">
        <p class="hint">Log in as one of three. There are no passwords here: sessions begin where your check has ended.</p>
        <div class="row">
          ${[...users].map(([id, user]) => html`<button id="login-${id}" name="user" value="${id}">${user}</button>`)}
          <label><input type="checkbox" name="keep"> Stay logged in</label>
        </div>
      </form>`;
}

function loggedIn({ subject, actor }: Session<Visitor>, https: boolean): Html {
  const [other = "", name] = [...users].find(([id]) => id !== subject) ?? [];
  const acting = actor
    ? html`<form method="post" action="/impersonate/end"><button id="end-acting">Be ${users.get(actor)} again</button></form>`
    : html`<form method="post" action="/impersonate">
          <button id="act" class="quiet" name="user" value="${other}">Act as ${name}</button>
        </form>`;
  return html`
      <div class="row">
        ${actor === undefined && html`<form method="post" action="/regenerate"><button id="regenerate">Renew the id</button></form>`}
        ${!https && acting}
        <form method="post" action="/logout"><button id="logout" class="quiet">Log out</button></form>
      </div>`;
}

function cart(cart: Visitor["cart"], user: string | undefined, asks: boolean): Html {
  const total = [...articles.values()].reduce((sum, { id, price }) => sum + price * (cart[id] ?? 0), 0);
  return html`
    <section id="cart" aria-labelledby="cart-title">
      <h2 id="cart-title">Cart</h2>
      <ul class="lines">
        ${[...articles.values()].map(
          ({ id, name, price }) => html`
        <li>
          <span>${name}</span><span class="price">€ ${price}</span>
          <form method="post" action="/cart" class="stepper">
            <input type="hidden" name="article" value="${id}">
            <button id="remove-${id}" name="do" value="remove" aria-label="One ${name} less" ${cart[id] ? "" : html`disabled`}>−</button>
            <output aria-label="${name} in the cart">${cart[id] ?? 0}</output>
            <button id="add-${id}" name="do" value="add" aria-label="One ${name} more">+</button>
          </form>
        </li>`,
        )}
      </ul>
      <p class="total"><span>Total</span><strong>€ ${total}</strong></p>
      ${payment(total, user, asks)}
    </section>`;
}

function payment(total: number, user: string | undefined, asks: boolean): Html | undefined {
  if (user === undefined) return undefined;
  if (asks) {
    return html`
      <form method="post" action="/confirm">
        <p class="hint">You logged in a while ago. Prove that it is still you; here, a click is the proof.</p>
        <button id="confirm" class="main">It is me</button>
      </form>`;
  }
  return html`<form method="post" action="/pay"><button id="pay" ${total > 0 ? "" : html`disabled`}>Pay</button></form>`;
}

function raceCard(race: Visitor["race"] | undefined): Html {
  return html`
    <section id="race" aria-labelledby="race-title">
      <h2 id="race-title">The race</h2>
      <p class="hint">
        ${runners} requests change your session at the same time: each sets a key of its own, and all raise one counter.
        Nothing may be lost.
      </p>
      <div class="row">
        <form method="post" action="/race"><button id="race-all" class="main">Race ${runners} at once</button></form>
        <button id="race-page" type="button" hidden>Race from this page</button>
      </div>
      <div id="race-result" class="results">
        ${race ? raceResult("sojourn", race.ours) : html`<div class="result">${grid()}</div>`}
        ${race?.theirs ? raceResult("express-session, memory store", race.theirs) : undefined}
      </div>
    </section>`;
}

function raceResult(title: string, { kept, counter, milliseconds, atOnce }: RaceResult): Html {
  const all = kept.length === runners && counter === runners;
  return html`
        <div class="result ${all ? "whole" : "torn"}">
          <h3>${title}</h3>
          <p><strong>${kept.length} of ${runners}</strong> kept · counter <strong>${counter}</strong></p>
          ${grid(new Set(kept))}
          <p class="hint">${Math.round(milliseconds)} ms · up to ${atOnce} under way at once</p>
        </div>`;
}

function grid(kept?: ReadonlySet<number>): Html {
  const cells = Array.from({ length: runners }, (_, runner) =>
    kept ? html`<i class="${kept.has(runner) ? "kept" : "lost"}"></i>` : html`<i></i>`,
  );
  return html`<div class="grid" aria-hidden="true">${cells}</div>`;
}

/** An impersonation has no login of its own. */
function begun({ authenticatedAt, createdAt }: SessionInfo<Device>): number {
  return authenticatedAt ?? createdAt ?? 0;
}

function lateCard(user: string | undefined, late: Visitor["late"] | undefined): Html {
  return html`
    <section id="late" aria-labelledby="late-title">
      <h2 id="late-title">The late request</h2>
      <p class="hint">
        A slow request has its session. You log out. Then the slow one saves what it changed: does that bring the session
        back?
      </p>
      <div class="row">
        <form method="post" action="/late">
          <button id="late-run" class="main" ${user ? "" : html`disabled`}>Log out in between</button>
        </form>
        ${!user && !late && html`<span class="hint">Log in first.</span>`}
      </div>
      ${late && html`<div class="results">${lateResult("sojourn", late.ours)} ${lateResult("express-session, memory store", late.theirs)}</div>`}
    </section>`;
}

function lateResult(title: string, { status, setCookie, then }: LateResult): Html {
  const final = then === "no session found";
  return html`
        <div class="result ${final ? "whole" : "torn"}">
          <h3>${title}</h3>
          <p><strong>${final ? "The logout is final" : "Logged in again"}</strong></p>
          <p class="hint">
            The late request was answered with ${status}, ${setCookie ? "with a cookie" : "without a cookie"}. The old cookie
            now is: “${then}”.
          </p>
        </div>`;
}

function outageCard(outage: Visitor["outage"] | undefined): Html {
  return html`
    <section id="outage" aria-labelledby="outage-title">
      <h2 id="outage-title">The outage</h2>
      <p class="hint">The store does not answer while two pages are asked for: one needs your session, the other does not.</p>
      <form method="post" action="/outage"><button id="outage-run" class="main">Take the store away</button></form>
      ${
        outage &&
        html`
      <dl id="outage-result">
        <div><dt>Needs it</dt><dd><strong>${outage.needs.status}</strong> after ${short(outage.needs.milliseconds)}; ${
          outage.needs.setCookie ? "it changed your cookie" : "your cookie stays as it is"
        }</dd></div>
        <div><dt>Does not</dt><dd><strong>${outage.free.status}</strong> after ${short(outage.free.milliseconds)}: it noticed nothing</dd></div>
        <div><dt>Store is back</dt><dd>You are still “<strong>${outage.after}</strong>”</dd></div>
      </dl>`
      }
    </section>`;
}

function short(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

function devicesCard(session: Session<Visitor>, devices: readonly SessionInfo<Device>[]): Html {
  if (session.subject === undefined) {
    return html`
    <section id="devices" aria-labelledby="devices-title">
      <h2 id="devices-title">My devices</h2>
      <p class="hint">Log in to see every browser you are logged in with, and to end those you do not know.</p>
    </section>`;
  }
  const newestFirst = [...devices].sort((a, b) => begun(b) - begun(a));
  const more = devices.length - mostDevices;
  return html`
    <section id="devices" aria-labelledby="devices-title">
      <h2 id="devices-title">My devices</h2>
      <ul class="lines">
        ${newestFirst.slice(0, mostDevices).map(
          ({
            handle,
            label = "A browser",
            current,
            actor,
            persistent,
            lastSeenAt,
            createdAt,
            authenticatedAt = createdAt ?? 0,
          }) => html`
        <li>
          <span title="${handle}">${label} ${current && html`<span class="tag">this one</span>`}
            ${actor && html`<span class="tag">${users.get(actor)} acts</span>`}</span>
          <span class="hint">
            logged in ${ago(authenticatedAt)}, seen ${ago(lastSeenAt ?? authenticatedAt)}${persistent ? ", stays logged in" : ""}
          </span>
          <form method="post" action="/devices/revoke">
            <input type="hidden" name="handle" value="${handle}">
            <button id="end-${handle}" class="quiet" aria-label="End the session on ${label}">End</button>
          </form>
        </li>`,
        )}
      </ul>
      ${more > 0 && html`<p class="hint">and ${more} more</p>`}
      <div class="row">
        <form method="post" action="/devices/add"><button id="add-device">Add a device</button></form>
        <form method="post" action="/devices/revoke">
          <button id="end-others" class="quiet" ${devices.length > 1 ? "" : html`disabled`}>End all others</button>
        </form>
      </div>
    </section>`;
}

export function panel({ responses, events }: Log, stored: StoredSession | undefined): Html {
  return html`
    <section aria-labelledby="responses-title">
      <h2 id="responses-title">Your last responses</h2>
      ${responses.length === 0 && html`<p class="hint">This is the first.</p>`}
      <ol class="log">
        ${responses.map(
          ({ method, path, status, calls, setCookie }) => html`
        <li>
          <p><b>${method} ${path}</b> <span class="status">${status}</span> <span class="calls">${calls.join(", ") || "store not asked"}</span></p>
          ${setCookie ? html`<code class="cookie">Set-Cookie: ${setCookie}</code>` : html`<span class="hint">no Set-Cookie</span>`}
        </li>`,
        )}
      </ol>
    </section>
    <section aria-labelledby="record-title">
      <h2 id="record-title">What the store holds</h2>
      ${stored ? record(stored) : html`<p class="hint">Nothing yet for this browser.</p>`}
    </section>
    <section aria-labelledby="events-title">
      <h2 id="events-title">Your events</h2>
      ${events.length === 0 && html`<p class="hint">None yet.</p>`}
      <ol class="log">
        ${events.map(
          ({ type, at, handle, subject, actor, reason }) => html`
        <li>
          <p>
            <b>${type}</b> <code>${handle}</code> ${subject} ${actor && html`by ${actor}`}
            <span class="hint">${reason && html`${reason} · `}${ago(at)}</span>
          </p>
        </li>`,
        )}
      </ol>
    </section>`;
}

function record({ key, payload, expiresAt }: StoredSession): Html {
  return html`
      <dl>
        <div><dt>Key</dt><dd><code class="key">${key}</code></dd></div>
        <div><dt>Ends</dt><dd>${ends(expiresAt)}</dd></div>
      </dl>
      <pre tabindex="0" role="region" aria-label="The record">${indented(payload)}</pre>
      <form method="post" action="/replay">
        <p class="hint">The key is the SHA-256 of the id. The id itself is in your cookie and nowhere else.</p>
        <button id="replay" class="quiet">Try the key as a cookie</button>
      </form>`;
}

function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), undefined, 2);
  } catch {
    return json;
  }
}

/** "in 1:50", and the page counts it down. */
function ends(at: number): Html {
  const left = Math.max(0, Math.round((at - Date.now()) / 1000));
  return html`<time data-left="${left}">in ${inWords(left)}</time>`;
}

/** "1:50 ago", and the page counts it up. */
function ago(at: number): Html {
  const age = Math.max(0, Math.round((Date.now() - at) / 1000));
  return html`<time data-age="${age}">${age < 2 ? "just now" : `${inWords(age)} ago`}</time>`;
}

/** As `inWords` of public/page.js, which goes on from here. */
function inWords(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.round(seconds / 86_400)} days`;
}
