/** Behind the proxy. */

import { route, sessions } from "../../../probe.js";

export const GET = route(async (request) => Response.json({ ...(await sessions.get(request)).data }));
