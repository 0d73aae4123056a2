/** One session in three places: the CSRF token in a cookie, the user in Firestore, the rest in another cookie. */

import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { Firestore } from "@google-cloud/firestore";
import express from "express";
import { expressSessionErrors, expressSessions } from "sojourn/frameworks/express";
import { createPartsSessions, defineParts } from "sojourn/parts";
import { cookieStore } from "sojourn/stores/cookie";
import { firestoreStore } from "sojourn/stores/firestore";

interface Data {
  csrfToken: string;
  userId: string;
  userData: { name: string; logins: number };
  theme: "light" | "dark";
  lastPages: string[];
}

const secrets = (process.env.SESSION_SECRETS ?? "").split(" "); // 32 characters or more, the newest first

const parts = defineParts<Data>()({
  csrf: { cookie: { name: "csrf", sameSite: "strict" }, store: cookieStore({ secrets }), fields: ["csrfToken"] },
  login: { store: firestoreStore({ client: new Firestore() }), fields: ["userId", "userData"], idleTimeout: "30m" },
  rest: {
    cookie: { name: "data" },
    store: cookieStore({ secrets }),
    fields: "rest",
    idleTimeout: "30d",
    absoluteTimeout: "365d",
    persistent: true,
  },
});
const sessions = createPartsSessions({ name: "shop", parts });

const app = express();
app.use(expressSessions(sessions));
app.use(express.urlencoded());

// Asks for two keys: Firestore is not touched.
app.get("/theme", async (req, res) => {
  const { data } = await sessions.get(req, ["theme", "csrfToken"]);
  data.csrfToken ??= randomBytes(16).toString("base64url");
  res.json({ theme: data.theme ?? "light", csrfToken: data.csrfToken });
});

app.get("/", async (req, res) => {
  const session = await sessions.get(req);
  session.update("lastPages", (pages = []) => ["/", ...pages].slice(0, 5));
  res.json({ subject: session.subject, ...session.data });
});

app.use(async (req, res, next) => {
  const { data } = await sessions.get(req, ["csrfToken"]);
  if (req.method === "POST" && (!data.csrfToken || req.body?.csrfToken !== data.csrfToken)) res.status(403).end();
  else next();
});

app.post("/theme", async (req, res) => {
  const { data } = await sessions.get(req, ["theme"]);
  data.theme = req.body.theme === "dark" ? "dark" : "light";
  res.redirect(303, "/theme");
});

app.post("/login", async (req, res) => {
  const session = await sessions.get(req);
  session.login("ada"); // after your own check
  session.data.userId = "ada";
  session.update("userData", (user) => ({ name: "Ada", logins: (user?.logins ?? 0) + 1 }));
  res.redirect(303, "/");
});

app.post("/logout", async (req, res) => {
  const session = await sessions.get(req);
  session.destroy({ parts: ["login", "csrf"] }); // the theme stays
  res.redirect(303, "/");
});

app.use(expressSessionErrors());

const server = app.listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
