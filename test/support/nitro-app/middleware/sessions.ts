/** Opens every request, and loads its session. */

import { h3Sessions } from "sojourn/frameworks/h3";
import { sessions } from "../sessions.ts";

// biome-ignore lint/style/noDefaultExport: it is what Nitro loads
export default h3Sessions(sessions, { attach: "visitor" });
