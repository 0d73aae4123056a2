/** A function of Firebase, on the framework that runs it in the cloud. */

import { http } from "@google-cloud/functions-framework";
import { getTestServer } from "@google-cloud/functions-framework/testing";
import { onRequest } from "firebase-functions/v2/https";
import { createSessions } from "sojourn";
import { nodeSessions } from "sojourn/frameworks/node";

// Firebase Hosting passes no other cookie on to functions.
const sessions = createSessions({ cookie: { name: "__session", secure: false } });
const withSessions = nodeSessions(sessions);

export const app = onRequest(
  withSessions(async (req, res) => {
    const session = await sessions.get(req);
    if (req.url === "/login") session.login("ada");
    if (req.url === "/logout") session.destroy();
    if (req.url === "/login" || req.url === "/logout") return void res.writeHead(303, { location: "/" }).end();
    if (req.url === "/fail") {
      session.data.visits = 99;
      return void res.writeHead(500).end("a mistake");
    }
    const visits = session.update("visits", (n = 0) => n + 1);
    res.end(`<p>${session.subject ?? "guest"}, visit ${visits}</p>`);
  }),
);

http("app", app);
export const server = getTestServer("app");
