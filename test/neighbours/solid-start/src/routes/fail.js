/** Changes the session and fails. */

import { sessions } from "../sessions.js";

export async function POST({ nativeEvent }) {
  (await sessions.get(nativeEvent)).data.visits = 99;
  throw new Error("a mistake");
}
