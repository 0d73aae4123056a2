/** The Node half beside Flask: the shop's cart, in the sessions that Flask has. */

import type { AddressInfo } from "node:net";
import express from "express";
import { createClient } from "redis";
import { createSessions } from "sojourn";
import { flaskRedis, flaskSession } from "sojourn/flask";
import { expressSessionErrors, expressSessions } from "sojourn/frameworks/express";
import { redisStore } from "sojourn/stores/redis";

const url = process.env.REDIS_URL ?? "redis://localhost:6379";
const client = () => createClient({ url }).on("error", console.error).connect(); // when it is first used

const sessions = createSessions<{ cart: string[] }>({
  ...flaskSession({ subjectKey: "_user_id", cookie: { secure: false } }), // remove `cookie` as soon as both servers use https
  store: redisStore({ client, layout: flaskRedis() }),
});

const app = express();
app.use(expressSessions(sessions));

app.get("/cart", async (req, res) => {
  const { subject, data } = await sessions.get(req);
  res.send(`${subject ?? "guest"}: ${(data.cart ?? []).join(", ") || "nothing"}\n`);
});
app.post("/cart/:item", async (req, res) => {
  const session = await sessions.get(req);
  session.update("cart", (cart = []) => [...cart, req.params.item]);
  res.redirect(303, "/cart");
});
app.post("/cart/checkout/done", async (req, res) => {
  const session = await sessions.get(req);
  session.destroy(); // logged out of Flask as well
  res.redirect(303, "/cart");
});

app.use(expressSessionErrors());

const server = app.listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
