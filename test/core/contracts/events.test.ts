/** Events: who hears them, and what becomes of a listener that fails. */

import { afterEach, expect, test } from "vitest";
import { Events } from "../../../src/core/contracts/events.ts";
import type { SessionEvent } from "../../../src/core/contracts/session-event.ts";

const warnings: string[] = [];
afterEach(() => void warnings.splice(0));
const make = (): Events =>
  new Events(
    () => 42,
    (message) => void warnings.push(message),
  );

test("an event has its type, the time and the details", () => {
  const events = make();
  const heard: SessionEvent[] = [];
  events.add((event) => heard.push(event));
  events.emit("session_created", { handle: "h", subject: "s" });
  events.emit("session_logout");
  expect(heard).toEqual([
    { type: "session_created", at: 42, handle: "h", subject: "s" },
    { type: "session_logout", at: 42 },
  ]);
});

test("all listeners get it, in the order of registration, until they stop", () => {
  const events = make();
  const heard: string[] = [];
  const stop = events.add(() => heard.push("a"));
  events.add(() => heard.push("b"));
  events.emit("session_created");
  stop();
  stop();
  events.emit("session_created");
  expect(heard).toEqual(["a", "b", "b"]);
});

test("without listeners the clock is not read", () => {
  const events = new Events(
    () => {
      throw new Error("asked");
    },
    () => {},
  );
  expect(() => events.emit("session_created")).not.toThrow();
});

test("a listener that throws causes a warning with the error's name alone; the others get the event", () => {
  const events = make();
  const heard: string[] = [];
  events.add(() => {
    throw new RangeError("secret");
  });
  events.add(() => {
    throw "secret";
  });
  events.add((event) => heard.push(event.type));
  events.emit("session_login");
  expect(heard).toEqual(["session_login"]);
  expect(warnings).toEqual([
    "a session event listener threw RangeError on session_login",
    "a session event listener threw string on session_login",
  ]);
});

test("an asynchronous listener that rejects causes a warning, not an unhandled rejection", async () => {
  const events = make();
  events.add(async () => {
    throw new RangeError("secret");
  });
  events.emit("session_login");
  await Promise.resolve();
  await Promise.resolve();
  expect(warnings).toEqual(["a session event listener threw RangeError on session_login"]);
});
