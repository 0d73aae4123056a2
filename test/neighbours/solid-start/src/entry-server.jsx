/** The entry of the server. A page waits for its queries: what they change is saved, and its cookie leaves with the head. */

import { createHandler, StartServer } from "@solidjs/start/server";

// biome-ignore lint/style/noDefaultExport: it is what SolidStart loads
export default createHandler(
  () => (
    <StartServer
      document={({ assets, children, scripts }) => (
        <html lang="en">
          <head>{assets}</head>
          <body>
            <div id="app">{children}</div>
            {scripts}
          </body>
        </html>
      )}
    />
  ),
  { mode: process.env.NEIGHBOUR_MODE ?? "async" },
);
