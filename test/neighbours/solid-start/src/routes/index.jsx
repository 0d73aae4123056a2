/** A page whose query, a server function, counts the visit. It takes its time, as one that asks a database does. */

import { createAsync, query } from "@solidjs/router";
import { getRequestEvent } from "solid-js/web";
import { sessions } from "../sessions.js";

const visit = query(async () => {
  "use server";
  const session = await sessions.get(getRequestEvent().nativeEvent);
  await new Promise((resolve) => setTimeout(resolve, 50));
  return `${session.subject ?? "guest"}, visit ${session.update("visits", (n = 0) => n + 1)}`;
}, "visit");

// biome-ignore lint/style/noDefaultExport: it is what SolidStart loads
export default function Home() {
  const text = createAsync(() => visit());
  return <p>{text()}</p>;
}
