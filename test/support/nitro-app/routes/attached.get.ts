/** A cached handler with a gate in it. */

import { HTTPError } from "nitro/h3";
import { defineCachedHandler } from "nitro/runtime";

// biome-ignore lint/style/noDefaultExport: it is what Nitro loads
export default defineCachedHandler(
  async (event) => {
    let name: string | undefined;
    try {
      name = (event.context.visitor as { data: { name?: string } }).data.name;
    } catch (error) {
      throw new HTTPError({ status: 409, message: (error as Error).message });
    }
    if (name !== "alice") throw new HTTPError({ status: 403 });
    return "for alice";
  },
  { maxAge: 60 },
);
