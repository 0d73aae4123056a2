/** A handler that is not wrapped, and calls two actions at once. */

import { action, getSession } from "../../../probe.js";

const quick = action(async () => {
  (await getSession()).data.quick = "yes";
});
const slow = action(async () => {
  const session = await getSession();
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  session.data.slow = "yes";
});

export async function GET() {
  await Promise.all([quick(), slow()]);
  return new Response("done");
}
