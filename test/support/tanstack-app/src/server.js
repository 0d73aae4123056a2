/** The server's entry: the sessions are around all of TanStack Start. */

import handler, { createServerEntry } from "@tanstack/react-start/server-entry";
import { trialOf } from "./trial.js";

// biome-ignore lint/style/noDefaultExport: it is what TanStack Start loads
export default createServerEntry({
  fetch: (request) => trialOf(request).mount(async (inner) => handler.fetch(inner))(request),
});
