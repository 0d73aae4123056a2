/** Counts visits. */

import { defineHandler } from "nitro/h3";
import { sessions } from "../sessions.ts";

// biome-ignore lint/style/noDefaultExport: it is what Nitro loads
export default defineHandler(async (event) => {
  const session = await sessions.get(event); // loaded on first use
  const visits = session.update("visits", (n = 0) => n + 1);
  return `${session.subject ?? "guest"}, visit ${visits}\n`;
});
