/** Opens every request, before its page. */

import { astroSessions } from "sojourn/frameworks/astro";
import { sessions } from "./sessions.ts";

export const onRequest = astroSessions(sessions); // with other middleware: put it first in sequence(…)
