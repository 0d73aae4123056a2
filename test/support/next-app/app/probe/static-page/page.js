/** A page that Next makes when it builds, and sends to everybody. */

import { getSession } from "../../../probe.js";

export const dynamic = "force-static";

// biome-ignore lint/style/noDefaultExport: Next takes pages so.
export default async function StaticPage() {
  return (
    <pre>
      {
        await getSession().then(
          () => "read",
          ({ message }) => message,
        )
      }
    </pre>
  );
}
