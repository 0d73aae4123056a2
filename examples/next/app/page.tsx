import { getSession } from "../sessions.ts";
import { login, logout } from "./actions.ts";

// biome-ignore lint/style/noDefaultExport: Next takes pages so.
export default async function Page() {
  const session = await getSession(); // a component reads it
  return (
    <main>
      <p>{`${session.subject ?? "guest"}, ${session.data.visits ?? 0} visits`}</p>
      <form action={session.subject ? logout : login}>
        <button type="submit">{session.subject ? "Log out" : "Log in"}</button>
      </form>
    </main>
  );
}
