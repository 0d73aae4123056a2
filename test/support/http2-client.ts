/** A client of HTTP/2 that goes away. */

import { connect, constants } from "node:http2";

/** Asks for `/`, and goes away before the answer, when the request has arrived. */
export async function askAndGo(url: string, arrived: Promise<unknown>): Promise<void> {
  const client = connect(url, { rejectUnauthorized: false });
  const stream = client.request({ ":path": "/" });
  // That it was cut off is meant so.
  stream.on("error", () => {});
  stream.end();
  await arrived;
  stream.close(constants.NGHTTP2_CANCEL);
  client.close();
}
