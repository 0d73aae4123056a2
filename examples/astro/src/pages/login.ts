/** Logs in. */

import type { APIContext } from "astro";
import { sessions } from "../sessions.ts";

export async function POST(context: APIContext): Promise<Response> {
  const session = await sessions.get(context);
  session.login("ada"); // after your own check; the id is renewed
  return context.redirect("/", 303); // sent once the session is saved
}
