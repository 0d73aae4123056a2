/** Logs out. */

import type { APIContext } from "astro";
import { sessions } from "../sessions.ts";

export async function POST(context: APIContext): Promise<Response> {
  const session = await sessions.get(context);
  session.destroy();
  return context.redirect("/", 303);
}
