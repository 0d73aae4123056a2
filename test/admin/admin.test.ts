/** `sojourn/admin` over real HTTP on four frameworks: what it shows, what it ends, and whom it refuses. */

import { createSessions, encrypted, jsonFormat, type SessionOptions, type Store } from "sojourn";
import { type AdminAct, type AdminOptions, adminPage } from "sojourn/admin";
import { type AuditEntry, sessionAudit } from "sojourn/audit";
import { everybody } from "sojourn/everybody";
import { flaskSession } from "sojourn/flask";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import type { RunningApp } from "sojourn/testing";
import { afterEach, describe, expect, test } from "vitest";
import { visitor } from "../observe/visitor.ts";
import { apps, type Start } from "./apps.ts";

const running: RunningApp[] = [];
afterEach(async () => {
  for (const app of running.splice(0)) await app.close();
});

const secrets = "a secret of at least 32 characters, really";

interface Given {
  readonly options?: Partial<SessionOptions>;
  readonly admin?: Partial<AdminOptions>;
  /** Acts that administrators may not do. */
  readonly forbidden?: readonly AdminAct[];
  readonly start?: Start;
}

async function setUp({ options, admin, forbidden = [], start = (apps[0] as (typeof apps)[0])[1] }: Given = {}) {
  const sessions = createSessions({ store: memoryStore(), warn: false, cookie: { secure: false }, ...options });
  const lines: AuditEntry[] = [];
  const audit = sessionAudit(sessions, { to: (line) => void lines.push(JSON.parse(line) as AuditEntry) });
  const page = adminPage(sessions, {
    audit,
    async authorize(request, act) {
      const { subject } = await sessions.get(request);
      return subject?.startsWith("root") && !forbidden.includes(act) ? subject : undefined;
    },
    ...admin,
  });
  const app = await start(sessions as never, page);
  running.push(app);
  const login = async (as: string): Promise<string> => {
    const answer = await fetch(`${app.url}/login?as=${encodeURIComponent(as)}`);
    return answer.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
  };
  const get = (query: string, cookie: string): Promise<Response> =>
    fetch(`${app.url}/admin${query}`, { headers: { cookie } });
  const post = (fields: Record<string, string>, cookie: string, headers: Record<string, string> = {}) =>
    fetch(`${app.url}/admin`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams(fields),
      headers: { cookie, "sec-fetch-site": "same-origin", ...headers },
    });
  return { sessions, lines, app, login, get, post };
}

const handlesIn = (text: string): string[] =>
  [...text.matchAll(/class="handle" href="\?handle=([\w-]+)/g)].map((one) => one[1] as string);

test("it shows which administrator acts as a user", async () => {
  const { login, get, sessions } = await setUp();
  const visit = visitor(sessions);
  await visit((session) => session.login("root-2"), "");
  await visit((session) => session.impersonate("ada"));
  const root = await login("root");
  expect(await (await get("", root)).text()).toContain('ada</a> <span class="soft">by root-2</span>');
  const ofAda = await (await get("?subject=ada", root)).text();
  expect(ofAda).toContain('<span class="soft">by root-2</span>');
  const facts = await (await get(`?handle=${handlesIn(ofAda)[0]}`, root)).text();
  expect(facts).toContain('<dt>Used by</dt><dd><a href="?subject=root-2">root-2</a>, acting as the user</dd>');
});

describe.each(apps)("on %s", (_, start) => {
  test("lists sessions, finds them by user and by handle, ends one, and ends all of a user's", async () => {
    const { login, get, post, sessions, lines } = await setUp({ start });
    const root = await login("root");
    const [one, two] = [await login("ada"), await login("ada")];
    await login("eve");
    const all = await get("", root);
    expect(all.status).toBe(200);
    const text = await all.text();
    expect(text).toContain("<strong>4</strong> live sessions");
    expect(text).toContain('href="?subject=ada"');
    expect(text).toContain("session_login");
    const ofAda = handlesIn(await (await get("?subject=ada", root)).text());
    expect(ofAda).toHaveLength(2);
    const facts = await (await get(`?handle=${ofAda[0]}`, root)).text();
    expect(facts).toContain(`<span class="handle">${ofAda[0]}</span>`);
    expect(facts).toContain("Session data are not shown here.");

    const ended = await post({ act: "end", subject: "ada", handle: ofAda[0] as string }, root);
    expect([ended.status, ended.headers.get("location")]).toEqual([303, "?subject=ada&done=one"]);
    expect(await sessions.list("ada")).toHaveLength(1);
    expect((await post({ act: "end-subject", subject: "ada" }, root)).status).toBe(303);
    expect(await sessions.list("ada")).toHaveLength(0);
    for (const cookie of [one, two]) expect((await get("", cookie)).status).toBe(403);
    expect(await sessions.list("eve")).toHaveLength(1);
    expect(lines.filter(({ by }) => by === "root").map(({ type, subject }) => [type, subject])).toEqual([
      ["admin_end", "ada"],
      ["session_revoked", "ada"],
      ["admin_end_subject", "ada"],
      ["session_revoked", "ada"],
    ]);
    const page = all.headers;
    expect(page.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w-]{43}='; form-action 'self'/,
    );
    expect([page.get("cache-control"), page.get("x-frame-options")]).toEqual(["no-store", "DENY"]);
    expect(text).not.toMatch(/<script|javascript:|\son\w+=|https?:\/\//i);
  });

  test("when authorize denies, reads and acts get a 403 that reveals nothing", async () => {
    const { login, get, post, sessions, lines } = await setUp({ start });
    const ada = await login("ada");
    for (const answer of [
      await get("", ada),
      await get("?subject=ada", ada),
      await get("", ""),
      await post({ act: "end-subject", subject: "ada" }, ada),
    ]) {
      expect(answer.status).toBe(403);
      expect(await answer.text()).toBe("You may not do this.\n");
    }
    expect(await sessions.list("ada")).toHaveLength(1);
    expect(lines.filter(({ type }) => type.startsWith("admin"))).toEqual([]);
  });

  test("a form posted from another site, or from another host of this site, changes nothing", async () => {
    const { login, post, sessions, lines } = await setUp({ start });
    const root = await login("root");
    await login("ada");
    const fields = { act: "end-subject", subject: "ada" };
    for (const headers of [
      { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
      { "sec-fetch-site": "same-site", origin: "http://other.localhost" },
      { "sec-fetch-site": "none" },
      { "sec-fetch-site": "", origin: "null" },
      { "sec-fetch-site": "", origin: "http://evil.example" },
      { "sec-fetch-site": "" },
    ])
      expect((await post(fields, root, headers)).status, JSON.stringify(headers)).toBe(403);
    expect(await sessions.list("ada")).toHaveLength(1);
    expect(lines.filter(({ type }) => type.startsWith("admin"))).toEqual([]);
  });
});

test("over plain http, where browsers send no Sec-Fetch-Site, Origin must match the host", async () => {
  const { login, app, sessions } = await setUp();
  const root = await login("root");
  await login("ada");
  const send = (origin: string): Promise<Response> =>
    fetch(`${app.url}/admin`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ act: "end-subject", subject: "ada" }),
      headers: { cookie: root, origin },
    });
  expect((await send("http://127.0.0.1:1")).status).toBe(403);
  expect((await send(app.url)).status).toBe(303);
  expect(await sessions.list("ada")).toHaveLength(0);
});

test("behind a proxy that changes the host, the option origin names the public one", async () => {
  const { login, post } = await setUp({ admin: { origin: "https://admin.example.com" } });
  const root = await login("root");
  const fields = { act: "end-subject", subject: "ada" };
  const ours = { "sec-fetch-site": "", origin: "https://admin.example.com" };
  expect((await post(fields, root, ours)).status).toBe(303);
  expect((await post(fields, root, { ...ours, origin: "https://example.com" })).status).toBe(403);
});

test("support staff may look but not end: there are no buttons, and the request itself is refused", async () => {
  const { login, get, post, sessions } = await setUp({
    forbidden: ["end", "end-subject", "end-everybody", "data"],
    admin: { data: (data) => data },
  });
  const root = await login("root");
  await login("ada");
  const text = await (await get("?subject=ada", root)).text();
  expect(text).not.toContain('<button class="bad"');
  const [handle = ""] = handlesIn(text);
  expect(await (await get(`?handle=${handle}&subject=ada`, root)).text()).toContain("Session data are not shown here.");
  expect((await post({ act: "end", subject: "ada", handle }, root)).status).toBe(403);
  expect((await post({ act: "end-subject", subject: "ada" }, root)).status).toBe(403);
  expect(await sessions.list("ada")).toHaveLength(1);
});

test("session data is shown through the given function, and each look is noted", async () => {
  const { login, get, lines, sessions } = await setUp({
    admin: { data: ({ card: _, ...rest }, subject) => ({ ...rest, subject }) },
  });
  const root = await login("root");
  await visitor(sessions)(
    (session) => Object.assign(session.data, { card: "4111-1111", cart: ["</pre><script>"] }),
    "",
  );
  const anonymous = handlesIn(await (await get("", root)).text());
  const pages = await Promise.all(anonymous.map(async (one) => (await get(`?handle=${one}`, root)).text()));
  const page = pages.find((text) => text.includes("cart"));
  expect(page).toContain("&quot;cart&quot;: [");
  expect(page).toContain("&lt;/pre&gt;&lt;script&gt;");
  expect(page).not.toContain("4111");
  expect(lines.filter(({ type, by }) => type === "admin_data" && by === "root")).toHaveLength(pages.length);
});

test("a session without a subject is ended by its handle, even after its id changed", async () => {
  const { login, get, post, sessions, lines } = await setUp();
  const root = await login("root");
  const visit = visitor(sessions);
  await visit((session) => Object.assign(session.data, { n: 1 }));
  const rows = handlesIn(await (await get("", root)).text());
  const owned = (await sessions.list("root")).map(({ handle }) => handle);
  const handle = rows.find((one) => !owned.includes(one)) as string;
  await visit((session) => session.regenerate());
  expect((await post({ act: "end", handle }, root)).headers.get("location")).toBe("?done=one");
  let isNew: boolean | undefined;
  await visit((session) => {
    isNew = session.isNew;
  });
  expect(isNew).toBe(true);
  expect(lines.filter(({ by }) => by === "root").map(({ type, handle: whose }) => [type, whose])).toEqual([
    ["admin_end", handle],
    ["session_revoked", handle],
  ]);
  expect((await post({ act: "end", handle }, root)).headers.get("location")).toBe("?done=gone");
});

test("everybody is revoked, the administrator too, but only after the word was typed", async () => {
  const options = { everybody: everybody({ within: "100ms" }) };
  const { login, get, post, lines } = await setUp({ options });
  const [root, ada] = [await login("root"), await login("root-ada")];
  expect(await (await get("", root)).text()).toContain("type the word everybody");
  const wrong = await post({ act: "end-everybody", confirm: "every body" }, root);
  expect(wrong.headers.get("location")).toBe("?done=unconfirmed");
  expect(await (await get("?done=unconfirmed", root)).text()).toContain("Nothing was ended");
  expect((await get("", ada)).status).toBe(200);
  const ended = await post({ act: "end-everybody", confirm: " everybody " }, root);
  expect([ended.status, await ended.text()]).toEqual([200, expect.stringContaining("All sessions have ended.")]);
  for (const cookie of [root, ada]) expect((await get("", cookie)).status).toBe(403);
  expect(lines.filter(({ by }) => by === "root").map(({ type }) => type)).toContain("admin_end_everybody");
  expect((await get("", await login("root"))).status).toBe(200);
});

test("the form to revoke everybody is absent where that is impossible or not allowed", async () => {
  const without = await setUp();
  expect(await (await without.get("", await without.login("root"))).text()).not.toContain("everybody");
  const forbidden = await setUp({ options: { everybody: everybody() }, forbidden: ["end-everybody"] });
  const root = await forbidden.login("root");
  expect(await (await forbidden.get("", root)).text()).not.toContain("type the word");
  expect((await forbidden.post({ act: "end-everybody", confirm: "everybody" }, root)).status).toBe(403);
});

test("hostile names of users, devices, handles, notes and queries are shown as text", async () => {
  const label = '"><img src=x onerror=alert(1)>\u202eevil';
  const { login, get } = await setUp({ options: { describe: () => ({ label }) } as never });
  const root = await login("root");
  const name = `<script>alert("1")</script>'&`;
  await login(name);
  for (const query of [
    "",
    `?subject=${encodeURIComponent(name)}`,
    `?handle=${encodeURIComponent(name)}&subject=${encodeURIComponent(name)}`,
    `?done=${encodeURIComponent(name)}&cursor=${encodeURIComponent(name)}`,
    "?cursor=%00&done[]=1&subject=%E0%A4%A",
  ]) {
    const text = await (await get(query, root)).text();
    expect(text).not.toMatch(/<script|<img|\u202e/);
  }
  expect(await (await get("", root)).text()).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;");
});

test("each button ends exactly what it names, whatever characters the name has", async () => {
  const { sessions, login, get, post } = await setUp();
  const root = await login("root");
  const fieldsOf = (text: string, act: string, handle?: string): Record<string, string> => {
    const forms = text.split("<form").map((one) => one.split("</form>")[0] as string);
    const form = forms.find((one) => one.includes(`value="${act}"`) && one.includes(handle ?? "")) ?? "";
    const entries = [...form.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)];
    return Object.fromEntries(entries.map(([, name, value]) => [name, (value as string).replaceAll("&#39;", "'")]));
  };
  for (const name of ["ada\u200f", "a\nb", "50% o'ada", "a\u0001", "<ada>", "\ufffd"]) {
    for (let at = 0; at < 2; at++) await login(name);
    await login("\ufffd");
    const list = `?subject=${encodeURIComponent(name)}`;
    const [one] = await sessions.list(name);
    const single = fieldsOf(await (await get("", root)).text(), "end", one?.handle);
    expect((await post(single, root)).headers.get("location"), name).toMatch(/done=one$/);
    expect((await post(fieldsOf(await (await get(list, root)).text(), "end-subject"), root)).status).toBe(303);
    expect(await sessions.list(name), name).toEqual([]);
    expect(await sessions.list("\ufffd")).toHaveLength(name === "\ufffd" ? 0 : 1);
    await sessions.revoke("\ufffd");
  }
});

test("a user whose name cannot go into a URL is listed and can be ended", async () => {
  const { sessions, app, login, get, post } = await setUp();
  const root = await login("root");
  const exchange = sessions.open({}, { cookie: () => undefined, secure: () => false });
  (await exchange.get()).login("ev\ud800il");
  await exchange.commit(new Headers());
  const [one] = await sessions.list("ev\ud800il");
  const handle = one?.handle as string;
  const text = await (await get("", root)).text();
  expect(handlesIn(text)).toContain(handle);
  expect((await fetch(`${app.url}/admin?handle=${handle}`, { headers: { cookie: root } })).status).toBe(200);
  expect((await post({ act: "end", subject: "", handle }, root)).headers.get("location")).toBe("?done=one");
  expect(await sessions.list("ev\ud800il")).toEqual([]);
});

test("a request with no form, a long body, another method or an unknown act is refused, and the server goes on", async () => {
  const { login, post, app, get } = await setUp();
  const root = await login("root");
  expect((await post({ act: "nonsense" }, root)).status).toBe(400);
  expect((await post({ act: "end-subject" }, root)).status).toBe(400);
  expect((await post({ act: "end-subject", subject: "a".repeat(50_000) }, root)).status).toBe(400);
  expect((await post({ act: "end-everybody", confirm: "everybody" }, root)).status).toBe(400);
  const send = (method: string, body: string, type: string): Promise<Response> =>
    fetch(`${app.url}/admin`, {
      method,
      body,
      headers: { cookie: root, "content-type": type, "sec-fetch-site": "same-origin" },
    });
  expect((await send("POST", '{"act":"end-subject","subject":"root"}', "application/json")).status).toBe(400);
  expect((await send("PUT", "", "text/plain")).status).toBe(405);
  expect((await fetch(`${app.url}/admin`, { method: "HEAD", headers: { cookie: root } })).status).toBe(200);
  expect((await get("", root)).status).toBe(200);
});

test("a store that is down is shown with its code, and the act that failed is noted as failed", async () => {
  const inner = memoryStore();
  const state = { down: "" };
  const failing = (name: string) => {
    const error = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    return state.down === name ? Promise.reject(error) : undefined;
  };
  const store: Store = {
    ...inner,
    read: (key) => failing("all") ?? inner.read(key),
    page: (options) => failing("page") ?? inner.page!(options),
    update: (...given) => failing("update") ?? inner.update(...given),
    create: (...given) => failing("update") ?? inner.create(...given),
  };
  const { login, get, post, lines } = await setUp({ options: { store } });
  const root = await login("root");
  await login("ada");
  const [handle = ""] = handlesIn(await (await get("?subject=ada", root)).text());
  for (const down of ["page", "all"]) {
    state.down = down;
    const answer = await get("", root);
    const text = await answer.text();
    expect(answer.status).toBe(503);
    expect(text).toContain("ERR_SESSION_STORE_UNAVAILABLE: the memory store failed");
    expect(text).toContain('role="alert"');
  }
  state.down = "update";
  expect((await post({ act: "end-subject", subject: "ada" }, root)).status).toBe(503);
  expect(lines.at(-1)).toMatchObject({ type: "admin_end_subject_failed", by: "root", subject: "ada" });
  state.down = "";
  expect((await post({ act: "end", subject: "ada", handle }, root)).status).toBe(303);
});

test("stores that cannot list, count or find by subject show what they can do", async () => {
  const { page: _, count: __, listBySubject: ___, ...bare } = memoryStore();
  const store = { ...bare, name: "bare", capabilities: { ...bare.capabilities, bySubject: false } } as Store;
  const { login, get } = await setUp({ options: { store } });
  const root = await login("root");
  const text = await (await get("", root)).text();
  expect(text).toContain("this store cannot count");
  expect(text).toContain("The bare store cannot list its sessions. It cannot find the sessions of a user either.");
  expect(await (await get("?subject=ada", root)).text()).toContain("These sessions cannot be listed by user.");
});

test("all sessions of a user that are kept in cookies can be ended", async () => {
  const store = cookieStore({ secrets, revocations: memoryStore() });
  const { login, get, post } = await setUp({ options: { store } });
  const [root, ada] = [await login("root"), await login("root-ada")];
  expect(await (await get("", root)).text()).toContain("These sessions are kept in the cookies of their clients");
  expect(await (await get("?subject=root-ada", root)).text()).toContain("End all sessions of root-ada");
  expect((await get("", ada)).status).toBe(200);
  expect((await post({ act: "end-subject", subject: "root-ada" }, root)).status).toBe(303);
  expect((await get("", ada)).status).toBe(403);
});

test("a session that this process cannot decode is shown as such, and can be ended", async () => {
  const store = memoryStore();
  const other = createSessions({ store, warn: false, format: encrypted(jsonFormat(), `${secrets} 2`) });
  await visitor(other)((session) => session.login("ada"));
  const { login, get, post } = await setUp({ options: { store, format: encrypted(jsonFormat(), secrets) } });
  const root = await login("root");
  const [handle = ""] = handlesIn(await (await get("?subject=ada", root)).text());
  expect(await (await get(`?handle=${handle}&subject=ada`, root)).text()).toContain(
    "This process cannot decode the session",
  );
  expect((await post({ act: "end", subject: "ada", handle }, root)).headers.get("location")).toContain("done=one");
  expect(handlesIn(await (await get("?subject=ada", root)).text())).toEqual([]);
});

test("2,000 sessions are listed 50 to a page, each exactly once, and a handle is found without its user", async () => {
  const { login, get, sessions } = await setUp();
  const visit = visitor(sessions);
  for (let at = 0; at < 2000; at++) await visit((session) => session.login(`user-${at}`), "");
  const root = await login("root");
  const seen: string[] = [];
  let query: string | undefined = "";
  let pages = 0;
  while (query !== undefined) {
    const text = await (await get(query, root)).text();
    const rows = handlesIn(text.slice(0, text.indexOf("Last events")));
    expect(rows.length).toBeLessThanOrEqual(50);
    seen.push(...rows);
    pages += 1;
    query = /rel="next" href="([^"]+)"/.exec(text)?.[1]?.replaceAll("&amp;", "&");
  }
  expect(pages).toBeGreaterThan(39);
  expect(new Set(seen).size).toBe(2001);
  expect(seen).toHaveLength(2001);
  const [{ handle }] = (await sessions.list("user-1234")) as unknown as [{ handle: string }];
  expect(await (await get(`?handle=${handle}`, root)).text()).toContain('href="?subject=user-1234"');
});

test("no id, key or cookie value is on any page", async () => {
  const { login, get, sessions } = await setUp({ admin: { data: (data) => data } });
  const root = await login("root");
  const ada = await login("ada");
  const keys: string[] = [];
  for (const store of sessions.stores)
    for await (const { key } of store.list!()) keys.push(key.split(":").at(-1) as string);
  const text = await (await get("?subject=ada", root)).text();
  const [handle = ""] = handlesIn(text);
  const all = [
    text,
    await (await get("", root)).text(),
    await (await get(`?handle=${handle}`, root)).text(),
    await (await get("?handle=none", root)).text(),
  ].join("");
  for (const secret of [root.split("=")[1] as string, ada.split("=")[1] as string, ...keys]) {
    expect(secret.length).toBeGreaterThan(40);
    expect(all).not.toContain(secret);
    expect(all).not.toContain(secret.slice(0, 16));
  }
});

test("where the keys of a store are ids, as Flask's are, none is on a page or in the address of the next", async () => {
  const options = flaskSession({ cookie: { secure: false } });
  const { get, sessions } = await setUp({ options: options as never, admin: { authorize: () => "root" } });
  const root = "";
  for (let at = 0; at < 121; at++) await visitor(sessions)((session) => Object.assign(session.data, { at }), "");
  const text = await (await get("", root)).text();
  const next = /rel="next" href="([^"]+)"/.exec(text)?.[1] as string;
  const all = text + (await (await get(next, root)).text());
  expect(handlesIn(all).length).toBeGreaterThan(90);
  let count = 0;
  for await (const { key } of sessions.stores[0]!.list!()) {
    count += 1;
    expect(all).not.toContain(key.split(":").at(-1));
  }
  expect(count).toBe(121);
  expect(await (await get("?cursor=nonsense", root)).text()).toContain("This page is none of this list any more.");
});

test("wrong options, or no authorize or audit, throw at construction and say what to write", () => {
  const sessions = createSessions({ store: memoryStore() });
  const audit = false;
  const make = (options: object): unknown => adminPage(sessions, options as never);
  expect(() => make({ audit })).toThrow("adminPage needs authorize");
  expect(() => make({ audit, authorize: true })).toThrow("adminPage needs authorize");
  expect(() => make({ authorize: () => "root" })).toThrow("adminPage needs audit");
  expect(() => make({ authorize: () => "root", audit: true })).toThrow("adminPage needs audit");
  expect(() => make({ authorize: () => "root", audit, origin: "admin.example.com" })).toThrow("origin must be");
  expect(() => make({ authorize: () => "root", audit, data: true })).toThrow("data must be");
  expect(() => make({ authorize: () => "root", audit, autorize: 1 })).toThrow("there is no option");
  expect(() => adminPage({} as never, { authorize: () => "root", audit })).toThrow("sessions of createSessions()");
});

test("authorize must name the administrator: true is an error, and so is what it throws", async () => {
  for (const authorize of [() => true as never, () => Promise.reject(new Error("the directory is down"))]) {
    const { get } = await setUp({ admin: { authorize }, start: (apps[4] as (typeof apps)[0])[1] });
    const answer = await get("", "");
    expect([answer.status, await answer.text()]).toEqual([500, "Internal Server Error\n"]);
  }
});
