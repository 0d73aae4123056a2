/** Logs out. */

import { defineHandler, redirect } from "nitro/h3";
import { sessions } from "../sessions.ts";

// biome-ignore lint/style/noDefaultExport: it is what Nitro loads
export default defineHandler(async (event) => {
  const session = await sessions.get(event);
  session.destroy();
  return redirect("/", 303);
});
