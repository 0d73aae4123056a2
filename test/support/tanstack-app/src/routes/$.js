/** Every other path, as a server route. */

import { createFileRoute } from "@tanstack/react-router";
import { trialOf } from "../trial.js";

export const Route = createFileRoute("/$")({
  server: { handlers: { ANY: ({ request }) => trialOf(request).endpoint(request) } },
});
