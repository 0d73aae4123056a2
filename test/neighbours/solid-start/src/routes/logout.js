/** Logs out. */

import { sessions } from "../sessions.js";

export async function POST({ nativeEvent }) {
  (await sessions.get(nativeEvent)).destroy();
  return new Response(null, { status: 303, headers: { location: "/" } });
}
