/** Counts what passes. */

import { NextResponse } from "next/server";
import { route, sessions } from "./probe.js";

export const proxy = route(async (request) => {
  const session = await sessions.get(request);
  session.update("passed", (n = 0) => n + 1);
  if (request.nextUrl.searchParams.has("away")) return NextResponse.redirect(new URL("/elsewhere", request.url));
  return NextResponse.next();
});

export const config = { matcher: "/probe/passed" };
