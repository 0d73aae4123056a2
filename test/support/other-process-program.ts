/** A program of its own: one request over the sessions in a directory, as another process of an application handles it. */

import { createSessions } from "sojourn";
import { wsSessions } from "sojourn/frameworks/ws";
import { fileStore } from "sojourn/stores/file";

const { directory, cookie, action } = JSON.parse(process.argv[2] ?? "") as Record<
  "directory" | "cookie" | "action",
  string
>;

const sessions = createSessions<{ b: string }>({ store: fileStore({ directory }), storeTimeout: "30s" });
const request = { cookie };
const exchange = sessions.open(request, { cookie: (one) => one.cookie, secure: () => true });
const session = await sessions.get(request);
if (session.isNew) throw new Error("there is no such session here");
if (action === "change") session.data.b = "elsewhere";
else if (action === "destroy") session.destroy();
else if (action === "login") session.login("ada");
else if (action === "watch") wsSessions(sessions).watch({ close() {} }, { headers: { cookie } });
else if (action === "revoke") await sessions.revoke(session.subject ?? "");
else throw new Error("what to do?");
await exchange.commit(new Headers());
