/** What the page says, from a server function: it asks for the session by the request at hand. */

import { createServerFn } from "@tanstack/react-start";
import { getRequest } from "@tanstack/react-start/server";
import { trialOf } from "./trial.js";

export const pageText = createServerFn().handler(async () => trialOf(getRequest()).page(getRequest()));
