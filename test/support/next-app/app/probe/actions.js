"use server";

import { cookies } from "next/headers";
import { notFound, redirect } from "next/navigation";
import { action, getSession, sessions } from "../../probe.js";

const inner = action(async () => {
  (await getSession()).data.inner = "yes";
});

const acts = {
  async set(form) {
    (await getSession()).data.a = form.get("a");
  },
  async login() {
    (await getSession()).login("ada", { persistent: true });
    redirect("/probe");
  },
  async logout() {
    (await getSession()).destroy();
  },
  async missing() {
    (await getSession()).data.a = "before notFound";
    notFound();
  },
  async fail() {
    (await getSession()).data.a = "before an error";
    throw new Error("a mistake");
  },
  async saveAndFail() {
    const session = await getSession();
    session.data.a = "saved";
    await session.save();
    session.data.a = "not saved";
    throw new Error("a mistake");
  },
  async beside() {
    (await getSession()).data.a = "beside";
    (await cookies()).set("own", "a;b", { path: "/" });
  },
  async nested() {
    (await getSession()).data.a = "nested";
    await inner();
  },
  async current() {
    (await sessions.current()).data.a = `${(await sessions.current()) === (await getSession())}`;
  },
  async nothing() {},
};

export const act = action(async (form) => acts[form.get("what")](form));

export async function unwrapped() {
  const session = await getSession();
  session.data.a = "unwrapped";
}
