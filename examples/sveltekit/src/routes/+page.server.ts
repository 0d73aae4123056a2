/** Counts visits, logs in and out. */

import { type RequestEvent, redirect } from "@sveltejs/kit";
import { sessions } from "../lib/sessions.server.ts";

export async function load(event: RequestEvent) {
  const session = await sessions.get(event); // loaded on first use
  return { subject: session.subject ?? "guest", visits: session.update("visits", (n = 0) => n + 1) };
}

export const actions = {
  async login(event: RequestEvent) {
    const session = await sessions.get(event);
    session.login("ada"); // after your own check; the id is renewed
    redirect(303, "/"); // sent once the session is saved
  },
  async logout(event: RequestEvent) {
    const session = await sessions.get(event);
    session.destroy();
    redirect(303, "/");
  },
};
