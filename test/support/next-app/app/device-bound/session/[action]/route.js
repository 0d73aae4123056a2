/** Where browsers bind their sessions: answered by the sessions of the test that started the server. */

import { cookies, headers } from "next/headers";

export const POST = (request) => globalThis[Symbol.for("sojourn trial")](request, { cookies, headers });
