/** Hono's own cache() behind its sessions, over Cloudflare's Cache API. */

import { Hono } from "hono";
import { cache } from "hono/cache";
import { honoSessions } from "../../../src/frameworks/hono.ts";
import { createSessions } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";

const sessions = createSessions<{ name: string }>({ store: memoryStore(), warn: () => {} });
const app = new Hono();
let made = 0;

app.use(honoSessions(sessions));
app.use("/pages/*", cache({ cacheName: "pages", cacheControl: "max-age=60", wait: true }));

app.get("/login/:name", async (c) => {
  (await sessions.get(c)).data.name = c.req.param("name");
  return c.text("done");
});
const nameOf = async (c: object): Promise<string> => (await sessions.get(c)).data.name ?? "nobody";
app.get("/pages/text", async (c) => c.text(await nameOf(c)));
app.get("/pages/raw", async (c) => new Response(await nameOf(c), { headers: { vary: "Accept" } }));
app.get("/pages/headed", async (c) => {
  c.header("x-own", "1");
  return new Response(await nameOf(c));
});
app.get("/pages/for-all", (c) => c.text(`made ${++made}`));

// biome-ignore lint/style/noDefaultExport: it is what workerd runs
export default app;
