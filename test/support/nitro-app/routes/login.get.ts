/** Gives the visitor a name. */

import { defineHandler } from "nitro/h3";
import { sessions } from "../sessions.ts";

// biome-ignore lint/style/noDefaultExport: it is what Nitro loads
export default defineHandler(async (event) => {
  (await sessions.get(event)).data.name = event.url.searchParams.get("name") ?? "";
  return "logged in";
});
