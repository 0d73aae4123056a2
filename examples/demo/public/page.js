/**
 * What the page does beyond its forms: sends them without leaving the page, runs the race from here, and keeps the
 * panel fresh. Without it everything but the race from here works the same.
 */

const runners = 100;
const notice = document.querySelector("#notice");
let last = Promise.resolve();

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const { target: form, submitter } = event;
  const body = new URLSearchParams(new FormData(form, submitter));
  submitter?.setAttribute("aria-busy", "true");
  // One after the other, as a browser without this script would: a form sent during a login has the old cookie.
  last = last.then(() => show(fetch(form.action, { method: "POST", body }), submitter?.id));
});

document.addEventListener("click", (event) => {
  if (event.target.closest("#race-page")) race();
});

/** Puts what came in place of what is there: the whole page, or the words of an error. */
async function show(request, focus) {
  try {
    const text = await (await request).text();
    const next = new DOMParser().parseFromString(text, "text/html");
    for (const id of ["app", "panel"]) {
      const part = next.getElementById(id);
      if (part) document.getElementById(id).replaceChildren(...part.childNodes);
    }
    say(next.querySelector("#notice")?.textContent ?? "");
  } catch {
    say("The server does not answer. Is it running?");
  }
  ready();
  const control = focus && document.getElementById(focus);
  if (control && !control.disabled) control.focus({ preventScroll: true });
  else if (focus) notice.focus({ preventScroll: true });
  await refreshPanel();
}

function say(text) {
  notice.textContent = text;
  for (const animation of notice.getAnimations()) {
    animation.cancel();
    animation.play();
  }
}

/** Sends a request for every cell, all at the same moment; the browser keeps about six under way. */
async function race() {
  const run = [...crypto.getRandomValues(new Uint8Array(4))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const result = document.querySelector("#race-result");
  const grid = result.querySelector(".grid").cloneNode();
  grid.append(...Array.from({ length: runners }, () => document.createElement("i")));
  const box = document.createElement("div");
  box.className = "result";
  box.append(grid);
  result.replaceChildren(box);
  for (const button of document.querySelectorAll("#race button")) button.disabled = true;
  const start = performance.now();
  await Promise.allSettled(
    [...grid.children].map(async (cell, runner) => {
      const { ok } = await fetch(`/race/${run}/${runner}`, { method: "POST" });
      cell.className = ok ? "sent" : "lost";
    }),
  );
  const body = new URLSearchParams({ milliseconds: performance.now() - start });
  await show(fetch(`/race/${run}`, { method: "POST", body }), "race-page");
}

/** The panel changes with requests of other tabs and browsers, too. */
async function refreshPanel() {
  const panel = document.getElementById("panel");
  if (document.hidden || !panel) return;
  const shown = user();
  const answer = await fetch("/panel").catch(() => undefined);
  if (!answer?.ok) return;
  const text = await answer.text();
  if (user() !== shown) return; // A form of this page was quicker.
  if (answer.headers.get("x-user") !== shown) return noticeOther();
  // The times count by themselves.
  const news = text.replace(/<time[^<]*/g, "");
  if (news === panel.dataset.news || panel.contains(document.activeElement)) return;
  panel.dataset.news = news;
  const record = panel.querySelector("pre")?.scrollTop ?? 0;
  panel.innerHTML = text;
  panel.querySelector("pre")?.scrollTo(0, record);
}

function user() {
  return document.getElementById("you").dataset.user;
}

/** Another device ended this session, or another tab of this browser logged in or out: shows what is true now. */
function noticeOther() {
  const before = user();
  last = last.then(async () => {
    if (user() !== before) return; // By a form of this page.
    await show(fetch("/"));
    if (user() === before) return;
    say(user() === "" ? "You were logged out on another device or tab." : "You logged in in another tab.");
  });
}

/** Counts the times on. As `inWords` of page.ts. */
function tick() {
  for (const time of document.querySelectorAll("time")) {
    time.since ??= performance.now();
    const seconds = Math.round((performance.now() - time.since) / 1000);
    const { left, age } = time.dataset;
    const passed = Number(age) + seconds;
    time.textContent = left
      ? `in ${inWords(Math.max(0, left - seconds))}`
      : passed < 2
        ? "just now"
        : `${inWords(passed)} ago`;
  }
}

function inWords(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.round(seconds / 86_400)} days`;
}

function ready() {
  const button = document.querySelector("#race-page");
  if (button) button.hidden = false;
}

ready();
refreshPanel();
setInterval(refreshPanel, 2000);
setInterval(tick, 1000);
document.addEventListener("visibilitychange", refreshPanel);
