/** A route handler whose answer Next makes when it builds, and sends to everybody. */

import { route, sessions } from "../../../probe.js";

export const dynamic = "force-static";

export const GET = route(async (request) => {
  try {
    (await sessions.get(request)).data.a = "for everybody";
    return new Response("changed");
  } catch (error) {
    return new Response(error.message);
  }
});
