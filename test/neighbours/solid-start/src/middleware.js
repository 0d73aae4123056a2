/** As on the page: SolidStart's middleware is that of h3. */

import { createMiddleware } from "@solidjs/start/middleware";
import { h3Sessions } from "sojourn/frameworks/h3";
import { sessions } from "./sessions.js";

// biome-ignore lint/style/noDefaultExport: it is what SolidStart loads
export default createMiddleware([h3Sessions(sessions)]);
