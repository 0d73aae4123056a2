/** An answer that is made when the application is built. */

import { sessions } from "../../static.js";

export const prerender = true;

export const GET = async (event) =>
  new Response(
    await sessions.get(event).then(
      () => "read",
      ({ message }) => message,
    ),
  );
