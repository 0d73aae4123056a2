/** Counts what passes, and lets members only pass to their pages. */

import { NextResponse } from "next/server";
import { route, sessions } from "./probe.js";

export const proxy = route(async (request) => {
  const { nextUrl } = request;
  const session = await sessions.get(request);
  if (nextUrl.pathname !== "/probe/passed") {
    if (!session.subject) return NextResponse.redirect(new URL("/elsewhere", request.url));
    return nextUrl.pathname === "/probe/members"
      ? NextResponse.next()
      : NextResponse.rewrite(new URL("/probe/members", request.url));
  }
  session.update("passed", (n = 0) => n + 1);
  if (nextUrl.searchParams.has("away")) return NextResponse.redirect(new URL("/elsewhere", request.url));
  return NextResponse.next();
});

export const config = { matcher: ["/probe/passed", "/probe/members", "/probe/rewritten"] };
