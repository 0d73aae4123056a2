/** Every method of every path, answered by the test that started the server. */

import { cookies, headers } from "next/headers";

const handle = (request) => globalThis[Symbol.for("sojourn trial")](request, { cookies, headers });

export { handle as DELETE, handle as GET, handle as HEAD, handle as PATCH, handle as POST, handle as PUT };
