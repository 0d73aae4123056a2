/** The demo over real HTTP: what it promises on its page, what it does with bad input, and how it starts and ends. */

import { createServer, request as httpRequest } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isBuilt } from "../../scripts/build.ts";
import { type Program, scratch, start, startDemo } from "./demo-process.ts";

/** A client that keeps its cookies. */
class Browser {
  cookie: string | undefined;
  readonly #base: string;

  constructor(base: string, cookie?: string) {
    this.#base = base;
    this.cookie = cookie;
  }

  async get(path = "/"): Promise<string> {
    return (await this.send("GET", path)).text();
  }

  async post(path: string, fields: Record<string, string> = {}, headers: Record<string, string> = {}) {
    return this.send("POST", path, new URLSearchParams(fields), headers);
  }

  async send(method: string, path: string, body: BodyInit | null = null, headers: Record<string, string> = {}) {
    const sent = this.cookie === undefined ? headers : { ...headers, cookie: this.cookie };
    const response = await fetch(this.#base + path, { method, body, headers: sent, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      this.cookie = /Max-Age=0/.test(line) ? undefined : line.slice(0, line.indexOf(";"));
    }
    return response;
  }
}

const visitsOn = (page: string): number => Number(/<strong id="visits">(\d+)</.exec(page)?.[1]);
const noticeOn = (page: string): string => /<p id="notice"[^>]*>([^<]*)</.exec(page)?.[1] ?? "";
const handlesOn = (page: string): string[] => [...page.matchAll(/id="end-([\w-]{12})"/g)].map(([, handle]) => handle!);

let directory: Awaited<ReturnType<typeof scratch>>;
let program: Program;
let base: string;

beforeAll(async () => {
  directory = await scratch();
  program = startDemo(directory.path);
  base = await program.url;
});

afterAll(async () => {
  expect(await program.stop()).toBe(0);
  await directory.remove();
});

describe("the shop", () => {
  test("counts visits", async () => {
    const browser = new Browser(base);
    expect(visitsOn(await browser.get())).toBe(1);
    expect(visitsOn(await browser.get())).toBe(2);
  });

  test("logs in with a new id, keeps the cart, and logs out with another one; neither old id works afterwards", async () => {
    const browser = new Browser(base);
    await browser.get();
    await browser.post("/cart", { article: "tea", do: "add" });
    const guest = browser.cookie;
    expect((await browser.post("/login", { user: "ada" })).status).toBe(303);
    const ada = browser.cookie;
    expect(ada).not.toBe(guest);
    const page = await browser.get();
    expect(page).toContain("Hello, Ada");
    expect(page).toContain('<output aria-label="Assam tea in the cart">1</output>');
    expect(await new Browser(base, guest).get("/whoami")).toBe("no session found");
    expect(await new Browser(base, ada).get("/whoami")).toBe("ada, with a session");

    await browser.post("/logout");
    expect([guest, ada]).not.toContain(browser.cookie);
    const after = await browser.get();
    expect(noticeOn(after)).toMatch(/^You are logged out/);
    expect(after).toContain('<output aria-label="Assam tea in the cart">0</output>');
    expect(await new Browser(base, ada).get("/whoami")).toBe("no session found");
  });

  test("stays logged in after the browser closes only when asked to", async () => {
    const [brief, long] = [new Browser(base), new Browser(base)];
    expect((await brief.post("/login", { user: "grace" })).headers.get("set-cookie")).not.toContain("Max-Age");
    const kept = await long.post("/login", { user: "grace", keep: "on" });
    expect(kept.headers.get("set-cookie")).toMatch(/; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  test("adds to the cart and removes again, and never below zero", async () => {
    const browser = new Browser(base);
    for (const what of ["add", "add", "remove", "remove", "remove"]) {
      await browser.post("/cart", { article: "cup", do: what });
    }
    expect(await browser.get()).toContain('<output aria-label="Porcelain cup in the cart">0</output>');
    await browser.post("/cart", { article: "pot", do: "add" });
    expect(await browser.get()).toContain("<strong>€ 48</strong>");
  });

  test("shows a notice once, after the redirect", async () => {
    const browser = new Browser(base);
    await browser.post("/cart", { article: "tea", do: "add" });
    expect(noticeOn(await browser.get())).toBe("Assam tea is in your cart.");
    expect(noticeOn(await browser.get())).toBe("");
  });

  test("lists a user's sessions, ends one, ends all others, and none of another user", async () => {
    const [here, there, other] = [new Browser(base), new Browser(base), new Browser(base)];
    await here.post("/login", { user: "katherine" });
    await there.post("/login", { user: "katherine" });
    await other.post("/login", { user: "ada" });
    const [otherHandle = ""] = handlesOn(await other.get()).slice(0, 1);
    await here.post("/devices/add");
    const handles = handlesOn(await here.get());
    expect(handles).toHaveLength(3);

    await here.post("/devices/revoke", { handle: otherHandle });
    expect(noticeOn(await here.get())).toBe("0 sessions were ended.");
    expect(await other.get("/whoami")).toBe("ada, with a session");

    await here.post("/devices/revoke", { handle: handles[0]! });
    expect(handlesOn(await here.get())).toEqual(handles.slice(1));
    await here.post("/devices/revoke");
    expect(handlesOn(await here.get())).toHaveLength(1);
    expect(await there.get("/whoami")).toBe("no session found");
    expect(await here.get("/whoami")).toBe("katherine, with a session");
  });
});

describe("people", () => {
  test("devices have names that users recognise, and the current one is marked", async () => {
    const browser = new Browser(base);
    const headers = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0" };
    await browser.post("/login", { user: "grace", keep: "on" }, headers);
    await browser.post("/devices/add");
    const page = await browser.get();
    expect(page).toMatch(/Firefox on Linux <span class="tag">this one<\/span>/);
    expect(page).toMatch(/Safari on iPhone/);
    expect(page).toContain("stays logged in");
    await browser.post("/devices/revoke");
  });

  test("a user who ends the session at hand goes on as a guest, and is not left without the notice", async () => {
    const browser = new Browser(base);
    await browser.post("/login", { user: "grace" });
    const [handle = ""] = handlesOn(await browser.get());
    await browser.post("/devices/revoke", { handle });
    expect(noticeOn(await browser.get())).toBe("One session was ended.");
    expect(await browser.get("/whoami")).not.toContain("grace");
  });

  test("a payment asks for the password again, and not twice within a minute", async () => {
    const browser = new Browser(base);
    await browser.post("/cart", { article: "tea", do: "add" });
    expect((await browser.post("/pay")).headers.get("location")).toBe("/?ask#cart");
    await browser.post("/login", { user: "ada" });
    const before = browser.cookie;
    expect((await browser.post("/pay")).headers.get("location")).toBe("/?ask#cart");
    expect(await browser.get("/?ask")).toContain('id="confirm"');
    await browser.post("/confirm");
    expect(browser.cookie).not.toBe(before);
    expect((await browser.post("/pay")).headers.get("location")).toBe("/#cart");
    const page = await browser.get();
    expect(noticeOn(page)).toMatch(/^Paid/);
    expect(page).toContain('<output aria-label="Assam tea in the cart">0</output>');
  });
});

describe("the race", () => {
  test("of 100 requests at once keeps 100 changes and counts to exactly 100", async () => {
    const browser = new Browser(base);
    await browser.get();
    expect((await browser.post("/race")).status).toBe(303);
    const page = await browser.get();
    expect(page).toMatch(/<h3>sojourn<\/h3>\s*<p><strong>100 of 100<\/strong> kept · counter <strong>100<\/strong>/);
    const theirs = /<h3>express-session.*?<strong>(\d+) of 100</s.exec(page)?.[1];
    expect(Number(theirs)).toBeGreaterThan(0);
    expect(Number(theirs)).toBeLessThan(100);
  });

  test("sent by the page keeps them too, and leaves no data behind", async () => {
    const browser = new Browser(base);
    await browser.get();
    const sent = Array.from({ length: 100 }, (_, runner) => browser.send("POST", `/race/0123abcd/${runner}`));
    expect((await Promise.all(sent)).every((response) => response.status === 204)).toBe(true);
    await browser.post("/race/0123abcd", { milliseconds: "12.5" });
    expect(await browser.get()).toContain("<strong>100 of 100</strong> kept · counter <strong>100</strong>");
    expect(await browser.get("/panel")).not.toContain("runner-");
  });

  test("needs a session: a browser without one gets no hundred requests", async () => {
    expect((await new Browser(base).post("/race")).status).toBe(400);
    const stranger = await new Browser(base).send("POST", "/race/0123abcd/1");
    expect([stranger.status, stranger.headers.getSetCookie()]).toEqual([400, []]);
  });
});

describe("the late request", () => {
  test("does not bring back the session that was logged out while it ran; with express-session it does", async () => {
    const browser = new Browser(base);
    await browser.post("/login", { user: "ada" });
    const ada = browser.cookie;
    expect((await browser.post("/late")).status).toBe(303);
    const page = await browser.get();
    expect(page).toContain("Hello, guest");
    expect(page).toMatch(/<h3>sojourn<\/h3>\s*<p><strong>The logout is final/);
    expect(page).toMatch(/<h3>express-session, memory store<\/h3>\s*<p><strong>Logged in again/);
    expect(await new Browser(base, ada).get("/whoami")).toBe("no session found");
    expect(await browser.get("/panel")).toContain("save_refused");
  });

  test("needs a login, and its inner address needs a logout under way", async () => {
    const browser = new Browser(base);
    await browser.get();
    expect((await browser.post("/late")).status).toBe(400);
    expect((await browser.post("/late/0123456789abcdef")).status).toBe(400);
  });
});

describe("the outage", () => {
  test("is a 503 after 2 seconds where the session is needed, nothing elsewhere, and leaves the user logged in", async () => {
    const browser = new Browser(base);
    await browser.post("/login", { user: "ada" });
    const cookie = browser.cookie;
    expect((await browser.post("/outage")).status).toBe(303);
    const page = await browser.get();
    expect(page).toMatch(/<dd><strong>503<\/strong> after \d\.\d s; your cookie stays as it is/);
    expect(page).toMatch(/<dd><strong>200<\/strong> after .*: it noticed nothing/);
    expect(page).toContain("“<strong>ada, with a session</strong>”");
    expect(browser.cookie).toBe(cookie);
  });

  test("is seen by no other visitor, and cannot be ordered from outside", async () => {
    const browser = new Browser(base);
    await browser.post("/login", { user: "grace" });
    const headers = { cookie: browser.cookie!, "x-outage": "0".repeat(32) };
    expect((await fetch(`${base}/whoami`, { headers })).status).toBe(200);
  });
});

describe("acting as another user", () => {
  test("shows who acts on the page, in the list of devices and in the events, and goes back", async () => {
    const browser = new Browser(base);
    await browser.post("/login", { user: "ada" });
    await browser.post("/impersonate", { user: "grace" });
    const page = await browser.get();
    expect(page).toMatch(/id="actor"[^>]*>Ada acts as Grace</);
    expect(page).toContain('<span class="tag">Ada acts</span>');
    expect(await browser.get("/panel")).toMatch(/impersonation_begun.*grace by ada/s);
    expect((await browser.post("/impersonate", { user: "katherine" })).status).toBe(400);
    await browser.post("/impersonate/end");
    expect(await browser.get("/whoami")).toBe("ada, with a session");
  });
});

describe("the panel", () => {
  test("shows a visitor their own responses and events, before and after the id changed, and none of another's", async () => {
    const [ada, grace] = [new Browser(base), new Browser(base)];
    await ada.get("/");
    await ada.get("/nowhere/of-ada");
    await ada.post("/login", { user: "ada" });
    await grace.post("/login", { user: "grace" });
    const panel = await ada.get("/panel");
    expect(panel).toContain("/nowhere/of-ada");
    expect(panel).toContain("session_login");
    expect(panel).not.toContain("grace");
    expect(await grace.get("/panel")).not.toContain("of-ada");
    await ada.post("/logout");
    expect(await ada.get("/panel")).toContain("POST /logout");
  });

  test("tells the page who is logged in, also when another device ended the session", async () => {
    const [phone, laptop] = [new Browser(base), new Browser(base)];
    await phone.post("/login", { user: "ada" });
    await laptop.post("/login", { user: "ada" });
    expect((await phone.send("GET", "/panel")).headers.get("x-user")).toBe("ada");
    await laptop.post("/devices/revoke");
    const answer = await phone.send("GET", "/panel");
    expect([answer.headers.get("x-user"), answer.headers.getSetCookie()]).toEqual(["", []]);
  });

  test("says in how long a session ends, not when by the clock", async () => {
    const browser = new Browser(base);
    await browser.get();
    expect(await browser.get()).toMatch(/<dt>Ends unused<\/dt><dd><time data-left="(1800|1799)">in (30:00|29:59)</);
  });

  test("shows the record under its hashed key, and the id nowhere", async () => {
    const browser = new Browser(base);
    await browser.post("/login", { user: "ada" });
    const id = browser.cookie!.slice("session=".length);
    const panel = await browser.get("/panel");
    expect(panel).toContain("&#34;subject&#34;: &#34;ada&#34;");
    expect(panel).toMatch(/<code class="key">session:[\w-]{43}<\/code>/);
    expect(panel).toMatch(/Set-Cookie: session=[\w-]{6}…; Path=\/; HttpOnly; SameSite=Lax/);
    expect(panel + (await browser.get())).not.toContain(id);
  });

  test("shows that a page that reads the session reads the store once, and other pages do not", async () => {
    const browser = new Browser(base);
    await browser.get();
    await browser.get("/whoami");
    expect(await browser.get("/panel")).toMatch(/GET \/whoami<\/b> <span[^>]*>200<\/span> <span[^>]*>read<\/span>/);
    await browser.get("/nowhere");
    expect(await browser.get("/panel")).toMatch(
      /GET \/nowhere<\/b> <span[^>]*>404<\/span> <span[^>]*>store not asked<\/span>/,
    );
  });

  test("sends the stored key back as a cookie, and no session is found", async () => {
    const browser = new Browser(base);
    await browser.get();
    await browser.post("/replay");
    expect(noticeOn(await browser.get())).toBe("The stored key was sent back as a cookie. Answer: “no session found”");
  });
});

describe("bad input", () => {
  test("gets a 400, and changes nothing", async () => {
    const browser = new Browser(base);
    await browser.get();
    for (const [path, fields] of [
      ["/login", {}],
      ["/login", { user: "__proto__" }],
      ["/login", { user: "a".repeat(1000) }],
      ["/cart", { article: "constructor", do: "add" }],
      ["/cart", { article: "tea", do: "toString" }],
      ["/race/0123abcd", { milliseconds: "-1" }],
      ["/race/nonsense/1", {}],
      ["/race/0123abcd/100", {}],
      ["/devices/add", {}],
      ["/devices/revoke", {}],
    ] as const) {
      expect([path, (await browser.post(path, fields)).status]).toEqual([path, 400]);
    }
    const twice = await browser.send("POST", "/cart", "article=tea&article=cup&do=add", {
      "content-type": "application/x-www-form-urlencoded",
    });
    expect(twice.status).toBe(400);
    expect((await browser.post("/login", { user: "a".repeat(5000) })).status).toBe(413);
    expect(visitsOn(await browser.get())).toBe(2);
  });

  test("in a path is shown as text", async () => {
    const browser = new Browser(base);
    await browser.get();
    const { port } = new URL(base);
    await new Promise<void>((resolve, reject) => {
      const headers = { cookie: browser.cookie };
      const sent = httpRequest({ port, host: "localhost", path: "/<script>alert(1)</script>", headers }, (response) => {
        response.resume().on("end", resolve);
      });
      sent.on("error", reject).end();
    });
    const panel = await browser.get("/panel");
    expect(panel).toContain("&#60;script&#62;alert(1)");
    expect(panel).not.toContain("<script");
  });

  test("from another site is refused before it reaches a session", async () => {
    const browser = new Browser(base);
    await browser.get();
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site", origin: base },
    ]) {
      expect((await browser.post("/login", { user: "ada" }, headers)).status).toBe(403);
    }
    expect((await browser.post("/login", { user: "ada" }, { origin: base })).status).toBe(303);
  });

  test("that is not HTTP does not stop it", async () => {
    const { port } = new URL(base);
    const socket = connect(Number(port), "localhost");
    const answer = new Promise<string>((resolve, reject) => {
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk;
      });
      socket.on("close", () => resolve(text)).on("error", reject);
    });
    socket.write("GARBAGE\r\n\r\n");
    expect(await answer).toContain("400 Bad Request");
    expect(visitsOn(await new Browser(base).get())).toBe(1);
  });
});

describe("starting and ending", () => {
  test("sessions survive a restart", async () => {
    const kept = await scratch();
    try {
      const first = startDemo(kept.path);
      const browser = new Browser(await first.url);
      await browser.post("/login", { user: "grace" });
      expect(await first.stop()).toBe(0);
      const second = startDemo(kept.path);
      const again = new Browser(await second.url, browser.cookie);
      expect(await again.get("/whoami")).toBe("grace, with a session");
      await second.stop();
    } finally {
      await kept.remove();
    }
  });

  test("npm start takes a free port when 3000 is taken, prints it, and Ctrl-C ends it cleanly", async () => {
    const occupied = createServer();
    // Somebody else may have it: that is as good.
    await new Promise<void>((resolve) => {
      occupied.once("error", () => resolve()).listen(3000, "localhost", resolve);
    });
    try {
      const script = isBuilt() ? ["scripts/start.ts"] : ["--conditions=sojourn-source", "examples/demo/server.ts"];
      const started = start(script, { env: { SESSIONS: directory.path, PORT: undefined }, group: true });
      const url = await started.url;
      expect(url).not.toBe("http://localhost:3000");
      expect(visitsOn(await new Browser(url).get())).toBe(1);
      // A page that is being loaded does not hold it up.
      const open = connect(Number(new URL(url).port), "localhost");
      await new Promise<void>((resolve) => open.once("connect", resolve));
      open.on("error", () => {});
      expect(await started.stop("SIGINT")).toBe(0);
      expect(started.said().trim()).toBe(`The sojourn demo is on ${url}  (Ctrl-C ends it)`);
    } finally {
      occupied.close();
    }
  });

  test("a PORT that is taken or invalid is an error that says so", async () => {
    const occupied = createServer();
    await new Promise<void>((resolve) => occupied.listen(0, "localhost", resolve));
    try {
      const { port } = occupied.address() as AddressInfo;
      const taken = startDemo(directory.path, { PORT: String(port) });
      expect(await taken.ended).toBe(1);
      expect(taken.said()).toMatch(new RegExp(`^The demo cannot listen on port ${port}: .*EADDRINUSE`));
      for (const PORT of ["http", "-1", "65536", "3e3"]) {
        const wrong = startDemo(directory.path, { PORT });
        expect(await wrong.ended).toBe(2);
        expect(wrong.said()).toBe("PORT must be a number from 0 to 65535.\n");
      }
    } finally {
      occupied.close();
    }
  });
});
