/** What Flask and Node do with one session, over any backend both can reach: the end-to-end suite. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions, type SessionOptions } from "../../../src/index.ts";
import { type FlaskOptions, type FlaskServer, type FlaskStep, Jar, startFlask } from "../../support/flask.ts";
import { type Data, type NodeServer, startNode } from "./node.ts";

/** A store that both sides reach. */
export interface Backend {
  readonly flask: FlaskOptions["backend"];
  /** The store of the Node side; none for sessions in the cookie. */
  readonly store?: SessionOptions["store"];
  /** The bytes of a session as they are stored, by a client that is neither side's; `null` when there is none. */
  raw(id: string): Promise<Uint8Array | null>;
  /** How many seconds a stored session has left, by the same client. */
  left?(id: string): Promise<number>;
  stop(): Promise<void>;
}

/** One way to run both sides. */
export interface Setup {
  /** How Flask encodes sessions. */
  readonly format: "msgpack" | "json" | "pickle" | "cookie";
  /** `app.config` of Flask. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** What `flaskSession(...)` gave, and anything else but the store. */
  options(): SessionOptions<Data>;
  readonly signed?: boolean;
  readonly permanent?: boolean;
}

const lifetime = 3600;

/** A value in Python, and what Node makes of it by format. Where nothing is said for a format, it is not kept by that. */
interface Value {
  readonly python: string;
  readonly node?: unknown;
  /** `repr` of what Flask has after storing, where it is not the same as before: by format. */
  readonly becomes?: Partial<Record<Setup["format"], string>>;
  readonly without?: readonly Setup["format"][];
}

const utc = "tzinfo=datetime.timezone.utc";
const textual = ["json"] as const;
const values: readonly Value[] = [
  { python: "'plain'", node: "plain" },
  { python: "'Zoë 漢字 😀 \\u2028 \\x7f \"quoted\" \\\\ / \\n'", node: 'Zoë 漢字 😀 \u2028 \x7f "quoted" \\ / \n' },
  { python: "''", node: "" },
  { python: "None", node: null },
  { python: "True", node: true },
  { python: "0", node: 0 },
  { python: "-33", node: -33 },
  { python: "1.0", node: 1 },
  { python: "-0.0" },
  { python: "1e+16" },
  { python: "1.5", node: 1.5 },
  { python: "9007199254740993", node: 9007199254740993n },
  { python: "-9007199254740993", node: -9007199254740993n },
  { python: "18446744073709551615", node: 18446744073709551615n },
  { python: "[1, 1.0, [2.0, {'deep': [None, 3.0]}]]" },
  { python: "{'a': {'b': {'c': 1.0}}, '__proto__': 1, 'constructor': 2}" },
  { python: "b'\\x00\\xff'", node: Uint8Array.of(0, 255), without: textual },
  { python: `datetime.datetime(2024, 1, 2, 3, 4, 5, 678901, ${utc})`, without: ["json", "cookie"] },
  { python: `datetime.datetime(1960, 1, 2, 3, 4, 5, 1, ${utc})`, without: ["json", "cookie"] },
  { python: "{1: 'one', None: 2, (1, 2): 3, b'k': 4.0}", without: ["json", "cookie"] },
  { python: "[]", node: [] },
  { python: "{}" },
];

/** What a Python expression of ours is in the words of `app.py`, where `datetime` is the class. */
function step(python: string): string {
  return python.replaceAll("datetime.datetime(", "datetime(").replaceAll("datetime.timezone.", "timezone.");
}

/** Registers the suite for one backend and setup. */
export function flaskConformance(title: string, setup: Setup, open: () => Promise<Backend>): void {
  const { format, permanent = true, signed = false } = setup;
  const inCookie = format === "cookie";
  const keepsBytes = format === "msgpack" || format === "json";

  describe(title, () => {
    let backend: Backend;
    let flask: FlaskServer;
    let node: NodeServer;

    beforeAll(async () => {
      backend = await open();
      const config = {
        SECRET_KEY: secretKey,
        PERMANENT_SESSION_LIFETIME: lifetime,
        SESSION_PERMANENT: permanent,
        SESSION_USE_SIGNER: signed,
        SESSION_SERIALIZATION_FORMAT: format === "json" ? "json" : "msgpack",
        ...setup.config,
      };
      flask = await startFlask({ backend: backend.flask, config });
      const { store } = backend;
      const options: SessionOptions<Data> = {
        storeTimeout: "30s",
        ...setup.options(),
        ...(store && { store }),
        warn: () => {},
      };
      node = await startNode(createSessions<Data>(options));
    });
    afterAll(async () => {
      node?.stop();
      await flask?.stop();
      await backend?.stop();
    });

    const idIn = (jar: Jar): string => {
      const value = jar.value("session");
      expect(value, "a session cookie").toBeDefined();
      return signed ? value!.slice(0, value!.lastIndexOf(".")) : value!;
    };
    const stored = (jar: Jar): Promise<Uint8Array | null> => backend.raw(idIn(jar));
    const begin = async (...steps: FlaskStep[]): Promise<Jar> => {
      const jar = new Jar();
      await flask.do(jar, ["set", "'begun'", "1"], ...steps);
      return jar;
    };
    const inFlask = async (jar: Jar, key: string): Promise<string | null> => {
      return (await flask.do(jar, ["get", `'${key}'`])).results[0]!;
    };

    test("a value that Flask sets is read and changed by Node, and then read by Flask", async () => {
      const jar = await begin(["set", "'cart'", "['apple']"]);
      const { value } = await node.do(jar, ({ data }) => {
        const found = structuredClone({ ...data });
        (data.cart as string[]).push("pear");
        data.seen = true;
        return found;
      });
      expect(value).toEqual({ begun: 1, cart: ["apple"] });
      expect(await inFlask(jar, "cart")).toBe("['apple', 'pear']");
      expect(await inFlask(jar, "seen")).toBe("True");
      expect(await inFlask(jar, "begun")).toBe("1");
    });

    test("a session that Node begins is read and changed by Flask", async () => {
      const jar = new Jar();
      await node.do(jar, ({ data }) => Object.assign(data, { name: "Zoë", list: [1, 2] }));
      const reply = await flask.do(jar, ["append", "'list'", "3"], ["modified"], ["get", "'name'"]);
      expect(reply.results[2]).toBe("'Zoë'");
      expect(reply.permanent).toBe(permanent);
      const { value } = await node.do(jar, ({ data }) => ({ ...data }));
      expect(value).toEqual({ name: "Zoë", list: [1, 2, 3] });
    });

    test.skipIf(inCookie)("the cookie keeps its value when only data changes, on both sides", async () => {
      const jar = await begin();
      const before = jar.value("session");
      await node.do(jar, ({ data }) => Object.assign(data, { more: 1 }));
      await flask.do(jar, ["set", "'more'", "2"]);
      expect(jar.value("session")).toBe(before);
    });

    describe("a value that Node does not replace keeps the bytes that Flask wrote", () => {
      const kept = values.filter(({ without = [] }) => !without.includes(format));
      test.each(kept)("$python", async (one) => {
        const { python } = one;
        const jar = await begin(["set", "'v'", step(python)]);
        const before = await inFlask(jar, "v");
        const bytes = await stored(jar);
        const { value } = await node.do(jar, ({ data }) => {
          data.n = "ours";
          return data.v;
        });
        if ("node" in one) expect(value).toEqual(one.node);
        const longer = await stored(jar);
        expect(await inFlask(jar, "v"), "after Node changed another key").toBe(before);
        expect(await inFlask(jar, "n")).toBe("'ours'");
        if (keepsBytes) {
          // A map of msgpack begins with its size; one of JSON ends with a brace.
          const [from, to] = format === "msgpack" ? [1, 0] : [0, -1];
          const unchanged = Buffer.from(bytes!.subarray(from, bytes!.length + to));
          expect(Buffer.from(longer!).indexOf(unchanged)).toBe(from);
        }
        await node.do(jar, ({ data }) => delete data.n);
        if (keepsBytes)
          expect(Buffer.from((await stored(jar))!).toString("hex")).toBe(Buffer.from(bytes!).toString("hex"));
        expect(await inFlask(jar, "v"), "after Node removed its key").toBe(before);
      });
    });

    test("values beside one that Node changes, in the same dict or list, keep the bytes that Flask wrote", async () => {
      const us = inCookie || format === "json" ? "'then'" : `datetime.datetime(2024, 1, 2, 3, 4, 5, 678901, ${utc})`;
      const jar = await begin([
        "set",
        "'v'",
        step(`{'price': 2.0, 'list': [1.0, {'n': 1, 'at': ${us}}], 'zero': -0.0}`),
      ]);
      await node.do(jar, ({ data }) => {
        const { list } = data.v as { list: [number, { n: number }] };
        list[1].n += 1;
      });
      const seen = await inFlask(jar, "v");
      // Flask's cookie has its keys sorted.
      const wanted = inCookie
        ? "{'list': [1.0, {'at': 'then', 'n': 2}], 'price': 2.0, 'zero': -0.0}"
        : `{'price': 2.0, 'list': [1.0, {'n': 2, 'at': ${us}}], 'zero': -0.0}`;
      expect(seen).toBe(wanted);
    });

    test.skipIf(inCookie)("20 parallel requests to Node that increment Flask's counter raise it by 20", async () => {
      const jar = await begin(["set", "'count'", "1"]);
      const raise = (): Promise<unknown> =>
        node.do(jar.copy(), (session) => session.update("count", (count) => Number(count) + 1));
      await Promise.all(Array.from({ length: 20 }, raise));
      expect(await inFlask(jar, "count")).toBe("21");
    });

    describe("a value that Node writes has a Python type", () => {
      const instant = new Date("2024-01-02T03:04:05.678Z");
      const written: [what: string, value: unknown, python: string, not?: readonly Setup["format"][]][] = [
        ["a whole number", 7, "7"],
        ["a fraction", 1.5, "1.5"],
        ["a negative number", -129, "-129"],
        ["an integer above 2^53", 9007199254740993n, "9007199254740993"],
        ["text", "é€😀\n", "'é€😀\\n'"],
        ["null", null, "None"],
        ["true and false", [true, false], "[True, False]"],
        ["something nested", { a: [{ b: "c" }] }, "{'a': [{'b': 'c'}]}"],
        ["bytes", Uint8Array.of(0, 255), "b'\\x00\\xff'", ["json"]],
        ["an instant", instant, `datetime.datetime(2024, 1, 2, 3, 4, 5, 678000, ${utc})`, ["json", "cookie"]],
        ["a map", new Map<unknown, unknown>([[1, "one"]]), "{1: 'one'}", ["json", "cookie"]],
      ];
      test.each(written.filter(([, , , not = []]) => !not.includes(format)))("%s", async (_what, value, python) => {
        const jar = await begin();
        await node.do(jar, ({ data }) => Object.assign(data, { v: value }));
        expect(await inFlask(jar, "v")).toBe(python);
        const again = await node.do(jar, ({ data }) => data.v);
        expect(again.value).toEqual(value);
      });
    });

    test("messages that Flask flashes are taken by Node, and the other way round", async () => {
      const jar = await begin(["flash", "saved", "info"]);
      const { value } = await node.do(jar, (session) => session.take("_flashes"));
      expect(value).toEqual([["info", "saved"]]);
      expect((await flask.do(jar, ["flashed"])).results[0]).toBe("[]");
      await node.do(jar, (session) => Object.assign(session.data, { _flashes: [["error", "no"]] }));
      expect((await flask.do(jar, ["flashed"])).results[0]).toMatch(/^\[[[(]'error', 'no'[\])]\]$/);
      expect((await node.do(jar, ({ data }) => data._flashes)).value).toBeUndefined();
    });

    test("a logout in Flask ends the session for Node", async () => {
      const jar = await begin();
      const late = jar.copy();
      await flask.do(jar, ["clear"]);
      expect(jar.value("session")).toBeUndefined();
      if (inCookie) return; // Whoever kept the cookie has the session: nothing but time ends it.
      expect(await backend.raw(idIn(late))).toBeNull();
      const { value } = await node.do(late, (session) => [session.isNew, { ...session.data }]);
      expect(value).toEqual([true, {}]);
    });

    test("a logout in Node ends the session for Flask", async () => {
      const jar = await begin();
      const late = jar.copy();
      await node.do(jar, (session) => session.destroy());
      expect(jar.value("session")).toBeUndefined();
      if (inCookie) return;
      expect(await backend.raw(idIn(late))).toBeNull();
      expect(await inFlask(late, "begun")).toBe("None");
    });

    test.skipIf(inCookie)("a login in Flask gives a new id, and Node knows the user", async () => {
      const jar = await begin();
      const [late, old] = [jar.copy(), idIn(jar)];
      await flask.do(jar, ["regenerate"], ["set", "'_user_id'", "'7'"]);
      expect(idIn(jar)).not.toBe(old);
      const { value } = await node.do(jar, (session) => [session.subject, session.data.begun]);
      expect(value).toEqual(["7", 1]);
      expect((await node.do(late, ({ isNew }) => isNew)).value).toBe(true);
      expect(await backend.raw(old)).toBeNull();
    });

    test.skipIf(inCookie)("a login in Node gives a new id, and Flask knows the user", async () => {
      const jar = await begin();
      const [late, old] = [jar.copy(), idIn(jar)];
      await node.do(jar, (session) => session.login("7"));
      expect(idIn(jar)).not.toBe(old);
      expect(await inFlask(jar, "_user_id")).toBe("'7'");
      expect(await inFlask(jar, "begun")).toBe("1");
      expect(await inFlask(late, "begun")).toBe("None");
      expect(await backend.raw(old)).toBeNull();
    });

    test("permanent is set and unset by either side", async () => {
      const jar = await begin();
      expect((await node.do(jar, ({ persistent }) => persistent)).value).toBe(!inCookie && permanent);
      for (const wanted of [true, false, true]) {
        await flask.do(jar, ["permanent", wanted]);
        expect((await node.do(jar, ({ persistent }) => persistent)).value, "as Flask made it").toBe(wanted);
        expect((await node.do(jar, ({ data }) => Object.keys(data))).value).not.toContain("_permanent");
        await node.do(jar, (session) => {
          session.persistent = !wanted;
        });
        expect((await flask.do(jar)).permanent, "as Node made it").toBe(!wanted);
      }
      expect(jar.lines.at(-1)).not.toMatch(/expires=|max-age=/i);
      await flask.do(jar, ["permanent", true]);
      await node.do(jar, (session) => {
        session.data.again = 1;
      });
      expect(await inFlask(jar, "again")).toBe("1");
    });

    test("clear in Node removes all data, and the session continues", async () => {
      const jar = await begin(["set", "'secret'", "1"]);
      await node.do(jar, (session) => {
        session.clear();
        session.data.fresh = 1;
      });
      expect(await inFlask(jar, "secret")).toBe("None");
      expect(await inFlask(jar, "fresh")).toBe("1");
    });

    test("a cookie that neither side made is not adopted by Node", async () => {
      const jar = new Jar();
      const planted = signed ? `${"A".repeat(43)}.${"A".repeat(27)}` : "A".repeat(43);
      jar.set("session", planted);
      await node.do(jar, ({ data }) => Object.assign(data, { k: 1 }));
      expect(jar.value("session")).not.toBe(planted);
      expect(await inFlask(jar, "k")).toBe("1");
      if (!inCookie) expect(await backend.raw("A".repeat(43))).toBeNull();
    });

    test.runIf(signed)("a cookie with another signature is a guest's", async () => {
      const jar = await begin();
      const value = jar.value("session")!;
      const end = value.endsWith("AAAA") ? "BBBB" : "AAAA";
      const forged = new Jar();
      forged.set("session", value.slice(0, -4) + end);
      expect((await node.do(forged.copy(), ({ isNew }) => isNew)).value).toBe(true);
      const bare = new Jar();
      bare.set("session", idIn(jar));
      expect((await node.do(bare, ({ isNew }) => isNew)).value).toBe(true);
    });

    test.skipIf(inCookie)("a read in Node writes nothing and sets no cookie", async () => {
      const jar = await begin();
      const [before, lines] = [await stored(jar), jar.lines.length];
      await node.do(jar, ({ data }) => data.begun);
      expect(await stored(jar)).toEqual(before);
      expect(jar.lines).toHaveLength(lines);
    });

    test.skipIf(inCookie)("both sides give a session the same lifetime", async () => {
      if (!backend.left) return;
      const jar = await begin();
      const about = async (): Promise<void> => {
        const left = await backend.left!(idIn(jar));
        expect(left).toBeGreaterThan(lifetime - 60);
        expect(left).toBeLessThanOrEqual(lifetime + 1);
      };
      await about();
      await node.do(jar, ({ data }) => Object.assign(data, { k: 1 }));
      await about();
      await flask.do(jar);
      await about();
    });

    describe.skipIf(inCookie)("during a request to Node", () => {
      /** A Node request that holds the session, does what Flask does meanwhile, and goes on. */
      async function meanwhile(
        jar: Jar,
        work: () => Promise<unknown>,
        change: (data: Partial<Data>) => void,
      ): Promise<Jar> {
        const mine = jar.copy();
        await node.do(mine, async ({ data }) => {
          await work();
          change(data);
        });
        return mine;
      }

      test("changes of other keys by Flask are kept, and so are Node's", async () => {
        const jar = await begin(["set", "'both'", "'old'"]);
        const work = (): Promise<unknown> =>
          flask.do(jar.copy(), ["set", "'theirs'", "1.0"], ["delete", "'begun'"], ["set", "'both'", "'Flask'"]);
        await meanwhile(jar, work, (data) => Object.assign(data, { mine: 2, both: "Node" }));
        const { results } = await flask.do(
          jar,
          ["get", "'theirs'"],
          ["get", "'begun'"],
          ["get", "'mine'"],
          ["get", "'both'"],
        );
        expect(results).toEqual(["1.0", "None", "2", "'Node'"]);
      });

      test("a counter that Flask raises is raised from the new value", async () => {
        const jar = await begin(["set", "'count'", "1"]);
        await node.do(jar.copy(), async (session) => {
          session.update("count", (count) => Number(count) + 1);
          await flask.do(jar.copy(), ["set", "'count'", "41"]);
        });
        expect(await inFlask(jar, "count")).toBe("42");
      });

      test("a read by Flask, which rewrites the session, is no conflict", async () => {
        const jar = await begin();
        await meanwhile(
          jar,
          () => flask.do(jar.copy()),
          (data) => Object.assign(data, { mine: 2 }),
        );
        expect(await inFlask(jar, "mine")).toBe("2");
      });

      test("a logout by Flask is not undone, and Node sets no cookie", async () => {
        const jar = await begin();
        const id = idIn(jar);
        const mine = await meanwhile(
          jar,
          () => flask.do(jar.copy(), ["clear"]),
          (data) => Object.assign(data, { mine: 2 }),
        );
        expect(await backend.raw(id)).toBeNull();
        expect(mine.lines).toEqual([]);
      });

      test("a logout by Flask-Login, which removes the user and keeps the session, is not undone", async () => {
        const jar = await begin(["set", "'_user_id'", "'7'"]);
        const logout = (): Promise<unknown> => flask.do(jar.copy(), ["delete", "'_user_id'"]);
        await meanwhile(jar, logout, (data) => Object.assign(data, { mine: 2 }));
        const { results } = await flask.do(jar, ["get", "'_user_id'"], ["get", "'mine'"]);
        expect(results).toEqual(["None", "2"]);
        expect((await node.do(jar, ({ subject }) => subject)).value).toBeUndefined();
      });

      test("a login by Flask under the same id, and permanent turned off, stay as Flask set them", async () => {
        const jar = await begin(["permanent", true]);
        const login = (): Promise<unknown> => flask.do(jar.copy(), ["set", "'_user_id'", "'8'"], ["permanent", false]);
        await meanwhile(jar, login, (data) => Object.assign(data, { mine: 2 }));
        const reply = await flask.do(jar, ["get", "'_user_id'"], ["get", "'mine'"]);
        expect(reply.results).toEqual(["'8'", "2"]);
        expect(reply.permanent).toBe(false);
      });

      test("a login by Flask is not undone: the old id stays refused, and the new session has no data of the old request", async () => {
        const jar = await begin();
        const [id, theirs] = [idIn(jar), jar.copy()];
        const login = (): Promise<unknown> => flask.do(theirs, ["regenerate"], ["set", "'_user_id'", "'7'"]);
        const mine = await meanwhile(jar, login, (data) => Object.assign(data, { mine: 2 }));
        expect(await backend.raw(id)).toBeNull();
        expect(mine.lines).toEqual([]);
        expect(await inFlask(theirs, "_user_id")).toBe("'7'");
        expect(await inFlask(theirs, "mine")).toBe("None");
      });
    });

    // What follows is how Flask-Session is: it writes the whole session as it was when the request began, changed or
    // not. Nobody on the other side can prevent it; the guide says what can be set on that side.
    describe.skipIf(inCookie)("during a request to Flask", () => {
      test("changes by Node are lost when that request writes, like those of another Flask request", async () => {
        const jar = await begin();
        const slow = flask.do(jar.copy(), ["wait", "slow"], ["set", "'theirs'", "1"]);
        await flask.came("slow");
        await node.do(jar, ({ data }) => Object.assign(data, { mine: 2 }));
        expect(await inFlask(jar, "mine")).toBe("2");
        await flask.open("slow");
        await slow;
        const { results } = await flask.do(jar, ["get", "'theirs'"], ["get", "'mine'"]);
        expect(results).toEqual(["1", "None"]);
      });

      test("a logout by Node is undone even if that request only reads, like one by Flask", async () => {
        const jar = await begin();
        const reading = flask.do(jar.copy(), ["wait", "reading"]);
        await flask.came("reading");
        await node.do(jar.copy(), (session) => session.destroy());
        expect(await stored(jar)).toBeNull();
        await flask.open("reading");
        await reading;
        expect(await stored(jar)).not.toBeNull();
      });
    });
  });
}

/** What `flaskSession` is told besides: what the Flask side has. */
export const common = { lifetime, subjectKey: "_user_id", cookie: { secure: false } } as const;

/** What both sides sign with. */
export const secretKey = "a secret of the tests, and long enough";
