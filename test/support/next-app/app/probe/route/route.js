/** Route handlers that end by throwing what Next throws, and with cookies of their own. */

import { cookies } from "next/headers";
import { notFound, permanentRedirect, redirect } from "next/navigation";
import { getSession, route, sessions } from "../../../probe.js";

export const GET = route(async (request) => {
  const session = await sessions.get(request);
  session.data.list = ["1"];
  const end = request.nextUrl.searchParams.get("end");
  session.data.a = end;
  if (end === "redirect") redirect("/probe?a;b");
  if (end === "permanent") permanentRedirect("/probe");
  if (end === "missing") notFound();
  if (end === "fail") throw new Error("a mistake");
  if (end === "cookies") (await cookies()).set("own", "1", { path: "/" });
  if (end === "read") return Response.json({ ...(await getSession()).data });
  return new Response("done");
});
