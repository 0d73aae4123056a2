/** Visits, login and logout with React Router. */

import {
  type ActionFunctionArgs,
  createStaticHandler,
  isRouteErrorResponse,
  RouterContextProvider,
  redirect,
} from "react-router";
import { createSessions } from "sojourn";
import { reactRouterSessions } from "sojourn/frameworks/react-router";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });

const routes = [
  {
    id: "root",
    middleware: [reactRouterSessions(sessions)], // in framework mode: export const middleware of root.tsx
    children: [
      {
        path: "/",
        async loader({ context }: ActionFunctionArgs) {
          const session = await sessions.get(context); // loaded on first use
          const visits = session.update("visits", (n = 0) => n + 1);
          return new Response(`${session.subject ?? "guest"}, visit ${visits}\n`);
        },
      },
      {
        path: "/login",
        async action({ context }: ActionFunctionArgs) {
          const session = await sessions.get(context);
          session.login("ada"); // after your own check; the id is renewed
          return redirect("/", 303); // sent once the session is saved
        },
      },
      {
        path: "/logout",
        async action({ context }: ActionFunctionArgs) {
          const session = await sessions.get(context);
          session.destroy();
          return redirect("/", 303);
        },
      },
    ],
  },
];

// In framework mode, createRequestHandler does this for the routes of the build.
const { queryRoute } = createStaticHandler(routes);

// biome-ignore lint/style/noDefaultExport: it is where servers of fetch handlers look for it
export default {
  async fetch(request: Request): Promise<Response> {
    try {
      const requestContext = new RouterContextProvider();
      return await queryRoute(request, { requestContext, generateMiddlewareResponse: (query) => query(request) });
    } catch (error) {
      const status = isRouteErrorResponse(error) ? error.status : 500;
      return new Response("Sorry.\n", { status });
    }
  },
};
