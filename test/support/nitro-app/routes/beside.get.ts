/** A cached handler that uses no session, behind a gate that does. */

import { defineHandler, HTTPError } from "nitro/h3";
import { defineCachedHandler } from "nitro/runtime";
import { sessions } from "../sessions.ts";

let made = 0;
const page = defineCachedHandler(async () => `page ${++made}`, { maxAge: 60 });

// biome-ignore lint/style/noDefaultExport: it is what Nitro loads
export default defineHandler(async (event) => {
  if ((await sessions.get(event)).data.name !== "alice") throw new HTTPError({ status: 403 });
  return page(event);
});
