/** Shows the session as JSON, and what comes of an attempt to change it. */

import { getSession } from "../../probe.js";
import { act, unwrapped } from "./actions.js";

const attempts = {
  set: (session) => {
    session.data.a = "changed";
  },
  remove: (session) => delete session.data.a,
  nested: (session) => session.data.list.push("changed"),
  update: (session) => session.update("a", () => "changed"),
  login: (session) => session.login("eve"),
  destroy: (session) => session.destroy(),
};

async function attempted(name) {
  try {
    attempts[name](await getSession());
    return "nothing";
  } catch (error) {
    return error.code ?? error.name;
  }
}

// biome-ignore lint/style/noDefaultExport: Next takes pages so.
export default async function Page({ searchParams }) {
  const { attempt } = await searchParams;
  const outcome = attempt && (await attempted(attempt));
  const [session, again] = await Promise.all([getSession(), getSession()]);
  const { subject, isNew, data } = session;
  return (
    <main>
      <pre>{JSON.stringify({ subject, isNew, data: { ...data }, same: session === again, outcome })}</pre>
      <form action={act}>
        <input name="what" />
      </form>
      <form action={unwrapped} id="unwrapped" />
    </main>
  );
}
