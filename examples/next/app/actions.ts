"use server";

import { redirect } from "next/navigation";
import { action, getSession } from "../sessions.ts";

export const login = action(async () => {
  const session = await getSession();
  session.login("ada"); // after your own check; the id is renewed
  redirect("/"); // the session is saved first
});

export const logout = action(async () => {
  const session = await getSession();
  session.destroy();
  redirect("/");
});
