/** The example of a session in parts, with the user in Google's Firestore emulator. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Firestore } from "@google-cloud/firestore";
import makeFetchCookie from "fetch-cookie";
import { CookieJar } from "tough-cookie";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";
import { firestoreAt } from "../support/google-clients.ts";
import { firestoreEmulator, type RunningEmulator, startEmulator, whyNot } from "../support/google-emulators.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { type Program, start } from "./demo-process.ts";

const why = whyNot(firestoreEmulator);
const source = join(projectRoot, "examples/parts/server.ts");

test("the example equals the one in the documentation", () => {
  const program = readFileSync(source, "utf8").replace(/^\/\*\*.*\n\n/, "");
  expect(readFileSync(join(projectRoot, "docs/parts.md"), "utf8")).toContain(program);
});

describe.skipIf(why && reportMissing("parts example", why, "cannot be had"))("the example of parts", () => {
  const project = `sojourn-parts-${process.pid}`;
  let emulator: RunningEmulator;
  let program: Program;
  let firestore: Firestore;
  beforeAll(async () => {
    emulator = await startEmulator(firestoreEmulator);
    const clients = [clientVersion("@google-cloud/firestore"), clientVersion("express")];
    reportBackend({ backend: "parts example", server: emulator.version, clients });
    firestore = firestoreAt(emulator.address);
    firestore.settings({ projectId: project });
    program = start(["--conditions=sojourn-source", source], {
      env: {
        PORT: "0",
        SESSION_SECRETS: "a-secret-of-at-least-32-characters",
        FIRESTORE_EMULATOR_HOST: emulator.address,
        GOOGLE_CLOUD_PROJECT: project,
        METADATA_SERVER_DETECTION: "none",
      },
    });
  });
  afterAll(async () => {
    await program?.stop();
    await firestore?.terminate();
    await emulator?.stop();
  });

  /** Sessions, and not the marks under ids that a login has ended. */
  const stored = async (): Promise<string[]> => {
    const { docs } = await firestore.collection("sojourn_sessions").get();
    return docs.map((one) => `${one.get("payload")}`).filter((payload) => payload.startsWith('{"sojourn":'));
  };

  test("keeps each field in its store, and reads Firestore for the user only", async () => {
    const url = await program.url;
    const jar = new CookieJar();
    const browser = makeFetchCookie(fetch, jar);
    const names = async (): Promise<string[]> => (await jar.getCookies(url)).map(({ key }) => key).sort();
    const get = async (path: string) => (await browser(url + path)).json() as Promise<Record<string, unknown>>;
    const post = async (path: string, fields: Record<string, string>) =>
      browser(url + path, { method: "POST", body: new URLSearchParams(fields) });

    const { csrfToken } = (await get("/theme")) as { csrfToken: string };
    expect(await names()).toEqual(["__Host-csrf"]);
    expect((await post("/theme", { theme: "dark" })).status).toBe(403);
    expect(await (await post("/theme", { theme: "dark", csrfToken })).json()).toEqual({ theme: "dark", csrfToken });
    expect(await names()).toEqual(["__Host-csrf", "__Host-data"]);
    expect(await stored()).toEqual([]);

    const expected = { subject: "ada", csrfToken, userId: "ada", theme: "dark" };
    const user = (logins: number): object => ({ userData: { name: "Ada", logins } });
    const login = await (await post("/login", { csrfToken })).json();
    expect(login).toEqual({ ...expected, ...user(1), lastPages: ["/"] });
    expect(await names()).toEqual(["__Host-csrf", "__Host-data", "__Host-shop"]);
    const [record = "", ...others] = await stored();
    expect(others).toEqual([]);
    expect(JSON.parse(record).data).toEqual({ userId: "ada", ...user(1) });

    expect(await (await post("/login", { csrfToken })).json()).toMatchObject(user(2));
    expect(await (await post("/logout", { csrfToken })).json()).toEqual({ theme: "dark", lastPages: ["/", "/", "/"] });
    expect(await names()).toEqual(["__Host-data"]);
    expect(await stored()).toEqual([]);
    const [data] = await jar.getCookies(url);
    expect(data?.maxAge).toBe(30 * 86_400);
  });
});
