/** Bodies: streams, files, and clients that go away. */

import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, same } from "../store/check.ts";
import { answered, bytes, type Gate, gate, inGroup, noCookie, sessionCookies } from "./answers.ts";
import { type Ask, type FrameworkCase, type Reply, type Routes, text, wait } from "./trial.ts";

const events = [["content-type", "text/event-stream"]] as const;

/** A route that streams "first", waits for a gate, does `late` and streams "last". */
function streaming(proceed: Gate, late: (ask: Ask) => unknown, before: (ask: Ask) => unknown = () => {}): Routes {
  return {
    async "/stream"(ask): Promise<Reply> {
      await before(ask);
      async function* pieces(): AsyncIterable<string> {
        yield "first ";
        await proceed.opened;
        await late(ask);
        yield "last";
      }
      return { kind: "stream", headers: events, chunks: bytes(pieces()) };
    },
  };
}

const setTo =
  (value: string) =>
  async ({ session }: Ask): Promise<void> => {
    (await session()).data["a"] = value;
  };

const streams = inGroup("streams", [
  {
    name: "the cookie is sent before the first chunk, and each chunk as soon as it is written",
    async run(trial) {
      const proceed = gate();
      const app = await trial.start({ routes: streaming(proceed, () => {}, setTo("1")) });
      const client = app.client();
      const incoming = await client.open("/stream");
      same(sessionCookies(incoming).length, 1, "Set-Cookie headers");
      same(await incoming.next(), "first ", "first piece");
      answered(await client.get("/read"), '{"a":"1"}');
      proceed.open();
      answered(await incoming.rest(), "last");
    },
  },
  {
    name: "a change after the first chunk is saved before the last chunk is sent",
    needs: "late save",
    async run(trial) {
      const proceed = gate();
      const app = await trial.start({ routes: streaming(proceed, setTo("late")) });
      const client = app.client();
      await client.post("/set?a=1");
      const incoming = await client.open("/stream");
      same(await incoming.next(), "first ", "first piece");
      proceed.open();
      answered(await incoming.rest(), "last");
      answered(await client.get("/read"), '{"a":"late"}');
    },
  },
  {
    name: "save() makes a change visible while the stream goes on",
    async run(trial) {
      const [proceed, saved, end] = [gate(), gate(), gate()];
      const late = async (ask: Ask): Promise<void> => {
        const session = await ask.session();
        session.data["a"] = "late";
        await session.save();
        saved.open();
        await end.opened;
      };
      const app = await trial.start({ routes: streaming(proceed, late, ({ session }) => session()) });
      const client = app.client();
      await client.post("/set?a=1");
      const incoming = await client.open("/stream");
      await incoming.next();
      proceed.open();
      await saved.opened;
      answered(await client.get("/read"), '{"a":"late"}');
      end.open();
      answered(await incoming.rest(), "last");
    },
  },
  {
    name: "a login after the first chunk is an error in the handler, and the stream continues",
    async run(trial) {
      const proceed = gate();
      const codes: unknown[] = [];
      const late = async ({ session }: Ask): Promise<void> => {
        try {
          (await session()).login("ada");
        } catch (error) {
          codes.push((error as { code?: unknown }).code);
        }
      };
      const app = await trial.start({ routes: streaming(proceed, late, ({ session }) => session()) });
      const client = app.client();
      await client.post("/set?a=1");
      const incoming = await client.open("/stream");
      await incoming.next();
      proceed.open();
      answered(await incoming.rest(), "last");
      same(codes.join(), "ERR_SESSION_HEADERS_SENT", "codes");
      answered(await client.get("/subject"), "nobody");
    },
  },
  {
    name: "a session that begins after the first chunk aborts the response, with an event",
    needs: "late save",
    async run(trial) {
      const proceed = gate();
      const app = await trial.start({ routes: streaming(proceed, setTo("late"), ({ session }) => session()) });
      const incoming = await app.client().open("/stream");
      noCookie(incoming);
      await incoming.next();
      proceed.open();
      same((await incoming.rest()).complete, false, "the response is complete");
      same(app.store.total, 0, "store calls");
      same(
        app.events.map((event) => `${event.type} ${event.reason}`).join(),
        "save_failed ERR_SESSION_HEADERS_SENT",
        "events",
      );
    },
  },
  {
    name: "a late change that cannot be saved aborts the response, with an event",
    needs: "late save",
    async run(trial) {
      const proceed = gate();
      const app = await trial.start({ routes: streaming(proceed, setTo("late")) });
      const client = app.client();
      await client.post("/set?a=1");
      app.fault = ({ method }) => (method === "update" ? "throw-before" : "pass");
      const incoming = await client.open("/stream");
      await incoming.next();
      proceed.open();
      same((await incoming.rest()).complete, false, "the response is complete");
      check(
        app.events.some((event) => event.type === "save_failed"),
        "there was no event save_failed",
      );
      app.fault = undefined;
      answered(await client.get("/read"), '{"a":"1"}');
    },
  },
  {
    name: "a client that disconnects in the middle affects no other request",
    async run(trial) {
      const proceed = gate();
      const app = await trial.start({ routes: streaming(proceed, setTo("late"), setTo("1")) });
      const client = app.client();
      const incoming = await client.open("/stream");
      await incoming.next();
      incoming.abandon();
      await wait(20);
      proceed.open();
      await wait(20);
      const other = app.client();
      for (const [name, value] of client.cookies) other.cookies.set(name, value);
      const { text: data } = await other.get("/read");
      check(data === '{"a":"1"}' || data === '{"a":"late"}', `the session is ${data}`);
    },
  },
  {
    name: "a client that disconnects while its session is saved affects no other request, and the save is done",
    async run(trial) {
      const app = await trial.start();
      const client = app.client();
      await client.post("/set?a=1");
      const [reached, saved] = [gate(), gate()];
      app.fault = ({ method }) => {
        if (method !== "update") return "pass";
        reached.open();
        return { late: saved.opened };
      };
      const hasty = app.client();
      for (const [name, value] of client.cookies) hasty.cookies.set(name, value);
      const lost = hasty.post("/set?a=2").catch(() => {});
      await reached.opened;
      hasty.close();
      await lost;
      saved.open();
      app.fault = undefined;
      let now = "";
      for (let tries = 0; tries < 100 && now !== '{"a":"2"}'; tries++) {
        await wait(tries);
        now = (await client.get("/read")).text;
      }
      same(now, '{"a":"2"}', "the session");
    },
  },
]);

const size = 8 * 1024 * 1024;

/** Bytes that are not all alike, in pieces of odd sizes. */
async function* noise(): AsyncIterable<Uint8Array> {
  for (let at = 0; at < size; ) {
    const piece = new Uint8Array(Math.min(70_001, size - at));
    for (let index = 0; index < piece.length; index += 97) piece[index] = (at + index) % 251;
    at += piece.length;
    yield piece;
  }
}

async function digest(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}

const bodies = inGroup("bodies", [
  {
    name: "8 MiB streamed with backpressure arrive as sent, one after another and in parallel",
    async run(trial) {
      const app = await trial.start({
        routes: {
          async "/big"(ask) {
            await setTo(ask.query.get("a") ?? "")(ask);
            return { kind: "stream", chunks: noise() };
          },
        },
      });
      const expected = await digest(noise());
      const client = app.client();
      const first = await client.get("/big?a=1");
      same(sessionCookies(first).length, 1, "Set-Cookie headers");
      const more = await Promise.all([client.get("/big?a=1"), client.get("/big?a=2"), client.get("/big?a=3")]);
      for (const answer of [first, ...more]) {
        check(answer.complete, "the body is not complete");
        same(createHash("sha256").update(answer.bytes).digest("hex"), expected, "SHA-256 of the body");
      }
    },
  },
  {
    name: "a file is sent whole, with the session's cookie",
    needs: "file",
    async run(trial) {
      const folder = await mkdtemp(join(tmpdir(), "sojourn-file-"));
      try {
        const path = join(folder, "noise.bin");
        await writeFile(path, noise());
        const app = await trial.start({
          routes: {
            async "/file"(ask) {
              await setTo("1")(ask);
              return { kind: "file", path };
            },
          },
        });
        const client = app.client();
        const answer = await client.get("/file");
        same(answer.status, 200, "status");
        same(sessionCookies(answer).length, 1, "Set-Cookie headers");
        same(createHash("sha256").update(answer.bytes).digest("hex"), await digest(noise()), "SHA-256 of the body");
        answered(await client.get("/read"), '{"a":"1"}');
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  },
  {
    name: "an empty stream is an empty body, and the change is saved",
    async run(trial) {
      async function* nothing(): AsyncIterable<Uint8Array> {}
      const app = await trial.start({
        routes: {
          async "/empty"(ask) {
            await setTo("1")(ask);
            return { kind: "stream", chunks: nothing() };
          },
          "/text": async () => text(""),
        },
      });
      const client = app.client();
      answered(await client.get("/empty"), "");
      answered(await client.get("/text"), "");
      answered(await client.get("/read"), '{"a":"1"}');
    },
  },
]);

export const bodyCases: readonly FrameworkCase[] = [...streams, ...bodies];
