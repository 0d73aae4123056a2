/** `sojourn/audit`: which lines there are, in which order, and what becomes of them when a sink is slow or fails. */

import { createSessions, type SessionOptions } from "sojourn";
import { type AuditEntry, type AuditOptions, sessionAudit } from "sojourn/audit";
import { memoryStore } from "sojourn/stores/memory";
import { afterEach, expect, test, vi } from "vitest";
import { visitor } from "../observe/visitor.ts";

afterEach(() => void vi.restoreAllMocks());

function setUp(options: Partial<AuditOptions> = {}, more: Partial<SessionOptions> = {}) {
  const clock = { now: Date.UTC(2026, 10, 30, 5) };
  const store = memoryStore({ now: () => clock.now });
  const sessions = createSessions({ store, now: () => clock.now, warn: false, ...more });
  const lines: AuditEntry[] = [];
  const audit = sessionAudit(sessions, { to: (line) => void lines.push(JSON.parse(line) as AuditEntry), ...options });
  return { clock, sessions, lines, audit, visit: visitor(sessions) };
}

const types = (lines: readonly AuditEntry[]): string[] => lines.map(({ type }) => type);

test("logins, renewals, logouts, revocations, observed expiry and reused ids are written, in order", async () => {
  const { visit, lines, sessions, clock } = setUp({}, { renewAfter: "10m", absoluteTimeout: "1h", idleTimeout: "1h" });
  await visit((session) => session.login("ada"));
  await visit((session) => session.regenerate());
  await visit((session) => session.destroy());
  await visit((session) => session.login("ada"), "");
  await sessions.revoke("ada");
  let old = "";
  await visit(
    (session) => session.login("eve"),
    "",
    (cookie) => (old = cookie),
  );
  clock.now += 660_000;
  await visit(() => {});
  await visit(() => {});
  clock.now += 120_000;
  await visit(() => {}, old);
  expect(types(lines)).toEqual([
    ...["session_login", "session_renewed", "session_logout", "session_login", "session_revoked", "session_login"],
    ...["session_renewed", "id_reused"],
  ]);
  expect(lines[0]).toEqual({
    at: "2026-11-30T05:00:00.000Z",
    type: "session_login",
    handle: expect.any(String),
    subject: "ada",
  });
});

test("a session used past its absolute timeout is written", async () => {
  const clock = { now: 1_800_000_000_000 };
  const store = memoryStore({ now: () => clock.now });
  const before = createSessions({ store, now: () => clock.now, warn: false });
  let cookie = "";
  await visitor(before)(
    (session) => session.login("ada"),
    "",
    (sent) => (cookie = sent),
  );
  const after = createSessions({ store, now: () => clock.now, warn: false, absoluteTimeout: "10m" });
  const lines: AuditEntry[] = [];
  sessionAudit(after, { to: (line) => void lines.push(JSON.parse(line) as AuditEntry) });
  clock.now += 660_000;
  await visitor(after)(() => {}, cookie);
  expect(lines).toMatchObject([{ type: "session_expired", subject: "ada", reason: "absolute timeout" }]);
});

test("what a client can cause without a session is written only on request", async () => {
  for (const [except, expected] of [
    [undefined, []],
    [[], ["token_refused", "session_created"]],
  ] as const) {
    const { visit, lines } = setUp({ except });
    await visit((session) => Object.assign(session.data, { n: 1 }), "__Host-session=junk");
    expect(types(lines)).toEqual(expected);
  }
});

test("an event type of a later version is written with its own fields", () => {
  const { sessions, lines } = setUp();
  const { events } = sessions.kept.kinds[0]!.config;
  const later = { type: "binding_violated", subject: "ada", actor: "root", strength: 3, key: { secret: 1 } };
  events.emit(later.type as never, later as never);
  expect(lines).toEqual([
    { at: "2026-11-30T05:00:00.000Z", type: "binding_violated", subject: "ada", actor: "root", strength: 3 },
  ]);
});

test("acts of an administrator, and the events they cause, carry the administrator's name", async () => {
  const { visit, sessions, lines, audit } = setUp();
  await visit((session) => session.login("ada"));
  await audit.as("root", async () => {
    await sessions.revoke("ada");
    audit.record({ type: "role_changed", subject: "ada", reason: "left" });
  });
  audit.record({ type: "role_changed", by: "boss" });
  expect(lines.map(({ type, by }) => [type, by])).toEqual([
    ["session_login", undefined],
    ["session_revoked", "root"],
    ["role_changed", "root"],
    ["role_changed", "boss"],
  ]);
});

test("lines wait for an asynchronous sink, in order; flush waits for the last one", async () => {
  const taken: string[] = [];
  const waiting: (() => void)[] = [];
  const { audit } = setUp({
    to: async (_, { type }) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      taken.push(type);
    },
  });
  for (const type of ["a", "b", "c"]) audit.record({ type });
  let flushed = false;
  const flushing = audit.flush().then(() => {
    flushed = true;
  });
  for (let at = 0; at < 3; at++) {
    await vi.waitFor(() => expect(waiting).toHaveLength(at + 1));
    expect(flushed).toBe(false);
    waiting[at]!();
  }
  await flushing;
  expect(taken).toEqual(["a", "b", "c"]);
});

test("when the queue is full, the newest lines are dropped, counted, and reported on stderr once", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const taken: AuditEntry[] = [];
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const to = async (_: string, entry: AuditEntry): Promise<void> => {
    await gate;
    taken.push(entry);
  };
  const { audit } = setUp({ to, maxWaiting: 2 });
  for (const type of ["a", "b", "c", "d", "e"]) audit.record({ type });
  open();
  await audit.flush();
  audit.record({ type: "f" });
  await audit.flush();
  // Lines that waited when others were lost are before the gap is known to end.
  expect(types(taken)).toEqual(["a", "audit_gap", "b", "c", "f"]);
  expect(taken[1]).toMatchObject({ lost: 2 });
  expect(warn.mock.calls).toHaveLength(1);
  expect(String(warn.mock.calls[0])).toContain("the audit lost 1 line ");
});

test.each(["throws", "rejects"])(
  "a sink that %s stops no login; the next line says how many are missing",
  async (how) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const taken: AuditEntry[] = [];
    const state = { broken: true };
    const to = (_: string, entry: AuditEntry): void | Promise<void> => {
      const error = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      if (state.broken && how === "throws") throw error;
      if (state.broken) return Promise.reject(error);
      taken.push(entry);
      return undefined;
    };
    const { audit, visit, sessions } = setUp({ to });
    for (let times = 0; times < 3; times++) {
      expect(await visit((session) => session.login("ada"), "")).toBe(undefined);
      await audit.flush();
    }
    expect(await sessions.list("ada")).toHaveLength(3);
    state.broken = false;
    await visit((session) => session.login("ada"), "");
    await audit.close();
    expect(taken).toMatchObject([{ type: "audit_gap", lost: 3 }, { type: "session_login" }]);
    expect(String(warn.mock.calls)).toContain("ENOSPC: no space left on device");
    expect(warn.mock.calls).toHaveLength(1);
  },
);

test("with an audit, an outage still writes its line to stderr; close ends the audit", async () => {
  const said: string[] = [];
  const store = { ...memoryStore(), read: () => Promise.reject(new Error("down")) };
  const { visit, audit, lines } = setUp({}, { store, warn: (line) => void said.push(line) });
  await visit(() => {}, `__Host-session=${"A".repeat(43)}`);
  expect(said).toHaveLength(1);
  await audit.close();
  await visit((session) => session.login("ada"), "");
  expect(lines).toEqual([]);
});

test("details are added to each line; only text, number and boolean are kept, and long texts are cut", () => {
  const details = () => ({
    address: "192.0.2.1",
    long: "x".repeat(5000),
    o: {} as never,
    type: "b",
    by: "eve",
    at: "0",
  });
  const { audit, lines } = setUp({ details });
  audit.record({ type: "a", by: "ada", reason: "line\nbreak" });
  expect(lines[0]).toMatchObject({ type: "a", by: "ada", at: "2026-11-30T05:00:00.000Z" });
  expect(lines[0]).toMatchObject({ address: "192.0.2.1", reason: "line\nbreak" });
  expect(Object.keys(lines[0]!)).not.toContain("o");
  expect(String(lines[0]!["long"])).toHaveLength(301);
  const broken = setUp({
    details: () => {
      throw new Error("x");
    },
  });
  broken.audit.record({ type: "a" });
  expect(broken.lines[0]).toMatchObject({ type: "a", details: "threw" });
});

test.each([
  [{}],
  [{ to: "file" }],
  [{ to: () => {}, except: "x" }],
  [{ to: () => {}, maxWaiting: 0 }],
  [{ to: () => {}, exclude: [] }],
  [{ to: () => {}, details: {} }],
])("%o is refused", (options) => {
  expect(() => sessionAudit(createSessions({ store: memoryStore() }), options as never)).toThrow(TypeError);
});

test("acts without a word, administrators without a name and objects that are no sessions are refused", () => {
  const { audit } = setUp();
  expect(() => audit.record({} as never)).toThrow("type must be");
  expect(() => audit.record({ type: "two words" })).toThrow("type must be");
  expect(() => audit.as("", () => {})).toThrow("by must be");
  expect(() => sessionAudit({} as never, { to: () => {} })).toThrow("sessions of createSessions()");
});
