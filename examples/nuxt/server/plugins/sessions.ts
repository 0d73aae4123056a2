/** Opens them for every request. */

import { nuxtSessions } from "sojourn/frameworks/nuxt";
import { sessions } from "../utils/sessions";

// biome-ignore lint/style/noDefaultExport: Nuxt wants it so
export default nuxtSessions(sessions);
