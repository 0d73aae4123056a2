/** Passes `session.data` to client components by React's serialiser, as Next bundles it, and prints what became of it. */

import { createRequire } from "node:module";
import { createSessions, type Session, type Sessions } from "sojourn";
import { createPartsSessions } from "sojourn/parts";
import { memoryStore } from "sojourn/stores/memory";
import { readOnlySession } from "../../src/frameworks/shared/read-only.ts";
import { request } from "./requests.ts";

interface Data {
  cart: string[];
  user: { name: string };
}

interface ReactServer {
  renderToReadableStream(
    model: unknown,
    clients: object,
    options: { onError(error: Error): void },
  ): ReadableStream<Uint8Array>;
}

const react = createRequire(import.meta.url)(
  "next/dist/compiled/react-server-dom-webpack/server.edge.js",
) as ReactServer;

const shown: object[] = [];

async function show(what: string, { data }: Session<Data>): Promise<void> {
  const errors: string[] = [];
  const onError = (error: Error): void => void errors.push(error.message);
  let text = "";
  for await (const chunk of react.renderToReadableStream({ data }, {}, { onError })) text += Buffer.from(chunk);
  shown.push({ what, errors, text });
}

const filled = (): Data => ({ user: { name: "Ada" }, cart: ["tea"] });
const sessions: Sessions<Data> = createSessions<Data>({ store: memoryStore() });
const { cookie } = await request(sessions, undefined, (session) => {
  Object.assign(session.data, filled());
  return show("new", session);
});
await request(sessions, cookie, (session) => show("read", session));
await request(sessions, cookie, (session) => show("read only", readOnlySession(session)));
const inParts = createPartsSessions<Data>({
  parts: {
    login: { store: memoryStore(), fields: ["user"] },
    rest: { store: memoryStore(), cookie: { name: "rest" }, fields: "rest" },
  },
});
await request(inParts, undefined, async (session) => {
  Object.assign(session.data, filled());
  await show("parts", session);
  return show("parts read only", readOnlySession(session));
});
console.log(JSON.stringify(shown));
