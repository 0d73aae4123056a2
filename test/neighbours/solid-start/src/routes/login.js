/** Logs in. */

import { sessions } from "../sessions.js";

export async function POST({ nativeEvent }) {
  (await sessions.get(nativeEvent)).login("ada");
  return new Response(null, { status: 303, headers: { location: "/" } });
}
