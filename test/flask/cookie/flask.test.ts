/** The cookie between the real Flask and ours: either reads, changes and ends what the other signed. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { inflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pinned, readyFlask } from "../../../scripts/flask.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { type FlaskCookieOptions, flaskCookie } from "../../../src/flask/cookie.ts";
import { reportBackend, reportMissing } from "../../support/report.ts";
import { request } from "../../support/requests.ts";

const flask = readyFlask();
const missing = typeof flask === "string" && reportMissing("flask cookie", flask);
if (!missing) {
  const clients = [`itsdangerous ${pinned("itsdangerous")}`, `Werkzeug ${pinned("Werkzeug")}`];
  reportBackend({ backend: "flask cookie", server: `Flask ${pinned("Flask")}`, clients });
}

describe.skipIf(missing)("Flask's own cookie", () => {
  const key = "a key that both sides know";
  const start = 1_800_000_000;
  let python: ChildProcess;
  let answers: AsyncIterator<string>;

  beforeAll(() => {
    const script = fileURLToPath(new URL("flask_cookie.py", import.meta.url));
    python = spawn((flask as { python: string }).python, ["-X", "utf8", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    answers = createInterface({ input: python.stdout! })[Symbol.asyncIterator]();
  });
  afterAll(async () => {
    const ended = once(python, "exit");
    python.stdin!.end();
    await ended;
  });

  /** One request to Flask: what its session held at the end, and the cookie for the next one. */
  async function ask(action: string, cookie?: string, { now = start, ...more }: Record<string, unknown> = {}) {
    python.stdin!.write(`${JSON.stringify({ action, cookie, now, key, ...more })}\n`);
    const { body, setCookie } = JSON.parse((await answers.next()).value) as { body: string; setCookie: string | null };
    const next = setCookie ? setCookie.slice(0, setCookie.indexOf(";")) : cookie;
    return { body, setCookie, cookie: setCookie?.startsWith("session=;") ? undefined : next };
  }

  function sessionsAt(now = start, options: Partial<FlaskCookieOptions> = {}): Sessions {
    return new Sessions(flaskCookie({ secretKey: key, now: () => now * 1000, ...options }));
  }

  const all =
    "{'_flashes': [('info', 'hello')], 'bytes': b'\\x00\\xff', 'float': 1.0, 'large': 9007199254740993, 'markup': Markup('<b>'), " +
    "'nested': {'a': [1.0, {' t': 1}]}, 'text': 'Zoë €', 'tuple': (1, 2, (3,)), " +
    "'uuid': UUID('00000000-0000-0000-0000-000000000005'), 'when': datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)}";

  test("a Flask session is read here, changed beside Flask's values, and read again by Flask", async () => {
    const begun = await ask("begin");
    const ours = await request(sessionsAt(), begun.cookie, ({ data }) => {
      const read = { ...data };
      data.a_new = 1;
      return read;
    });
    expect(ours.value).toEqual({
      _flashes: [["info", "hello"]],
      bytes: Uint8Array.of(0, 255),
      float: 1,
      large: 9007199254740993n,
      markup: "<b>",
      nested: { a: [1, { " t": 1 }] },
      text: "Zoë €",
      tuple: [1, 2, [3]],
      uuid: "00000000-0000-0000-0000-000000000005",
      when: new Date("2024-01-02T03:04:05Z"),
    });
    expect((await ask("read", ours.cookie)).body).toBe(all.replace("'bytes'", "'a_new': 1, 'bytes'"));
    // Each value is the very text that Flask wrote, and a change of Flask's own changes nothing else.
    expect(json(ours.cookie).replace('"a_new":1,', "")).toBe(json(begun.cookie));
    const permanent = await ask("permanent", ours.cookie);
    expect(json(permanent.cookie)).toBe(json(ours.cookie).replace(/^\{(.*?)"a_new"/, '{$1"_permanent":true,"a_new"'));
  });

  test("Flask reads what is written here", async () => {
    const data = {
      n: 1,
      f: 1.5,
      text: "é😀",
      bytes: Uint8Array.of(0, 255),
      when: new Date("2024-02-29T12:30:45.678Z"),
      map: new Map([[1, "x"]]),
      set: new Set([1]),
      tag: { " u": "x" },
      none: null,
      long: "x".repeat(5000),
    };
    const { cookie } = await request(sessionsAt(), undefined, (session) => Object.assign(session.data, data));
    expect((await ask("read", cookie)).body.replace(/x{5000}/, "…")).toBe(
      "{'bytes': b'\\x00\\xff', 'f': 1.5, 'long': '…', 'map': {'1': 'x'}, 'n': 1, 'none': None, 'set': [1], " +
        "'tag': {' u': 'x'}, 'text': 'é😀', 'when': datetime.datetime(2024, 2, 29, 12, 30, 45, tzinfo=datetime.timezone.utc)}",
    );
  });

  test("a cookie that Flask compressed is read", async () => {
    const { cookie } = await ask("long");
    expect(cookie).toMatch(/^session=\.eJ/);
    expect((await request(sessionsAt(), cookie, ({ data }) => data.long)).value).toBe("abc".repeat(1000));
  });

  test("both sides let it expire in the same second", async () => {
    const lifetime = 31 * 86_400;
    const { cookie } = await request(sessionsAt(), undefined, (session) => Object.assign(session.data, { n: 1 }));
    for (const [age, alive] of [
      [-1, false],
      [0, true],
      [lifetime, true],
      [lifetime + 1, false],
    ] as const) {
      expect((await ask("read", cookie, { now: start + age + 0.5 })).body, `Flask after ${age}`).toBe(
        alive ? "{'n': 1}" : "{}",
      );
      expect(
        (await request(sessionsAt(start + age + 0.5), cookie, ({ data }) => data.n)).value,
        `here after ${age}`,
      ).toBe(alive ? 1 : undefined);
    }
  });

  test("permanent on one side is permanent on the other", async () => {
    const ours = await request(sessionsAt(start, { permanent: true }), undefined, ({ data }) =>
      Object.assign(data, { n: 1 }),
    );
    const theirs = await ask("permanent", ours.cookie);
    expect(theirs.body).toBe("{'_permanent': True, 'n': 1}");
    expect(theirs.setCookie).toContain("Expires=");
    expect((await request(sessionsAt(), theirs.cookie, ({ persistent }) => persistent)).value).toBe(true);
  });

  test("keys are rotated on both sides", async () => {
    const old = await request(sessionsAt(start, { secretKey: "old" }), undefined, ({ data }) =>
      Object.assign(data, { n: 1 }),
    );
    const theirs = await ask("permanent", old.cookie, { fallbacks: ["older", "old"] });
    expect(theirs.body).toBe("{'_permanent': True, 'n': 1}");
    const begun = await ask("permanent", undefined, { key: "old" });
    const ours = await request(
      sessionsAt(start, { fallbacks: ["older", "old"] }),
      begun.cookie,
      ({ persistent }) => persistent,
    );
    expect(ours.value).toBe(true);
    expect((await ask("read", ours.cookie)).body).toBe("{'_permanent': True}");
    expect((await ask("read", begun.cookie)).body).toBe("{}");
  });

  test("either side ends it", async () => {
    const begun = await ask("begin");
    const ended = await request(sessionsAt(), begun.cookie, (session) => session.destroy());
    expect(ended.cookie).toBeUndefined();
    const ours = await request(sessionsAt(), undefined, ({ data }) => Object.assign(data, { n: 1 }));
    expect((await ask("end", ours.cookie)).cookie).toBeUndefined();
  });
});

/** The JSON in a cookie. */
function json(cookie = ""): string {
  const [, small, body = ""] = /^session=(\.?)([^.]*)/.exec(cookie) ?? [];
  const octets = Buffer.from(body, "base64url");
  return (small ? inflateSync(octets) : octets).toString();
}
