/** Logs in. */

import { defineHandler, redirect } from "nitro/h3";
import { sessions } from "../sessions.ts";

// biome-ignore lint/style/noDefaultExport: it is what Nitro loads
export default defineHandler(async (event) => {
  const session = await sessions.get(event);
  session.login("ada"); // after your own check; the id is renewed
  return redirect("/", 303); // sent once the session is saved
});
