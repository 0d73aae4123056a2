/** The sessions that a command works on, and how one is shown. */

import type { Sessions } from "../core/request/sessions.ts";
import type { ManagedSession } from "../manage.ts";
import { type Call, UsageError } from "./command.ts";

/** The sessions of the application. A store alone does not say how its records are to be read. */
export async function sessionsOf(call: Call, command: string): Promise<Sessions<Record<string, unknown>>> {
  const { sessions } = await call.load();
  const [first, ...others] = sessions;
  if (first && others.length === 0) return first;
  const why = first ? "several sessions are exported; export one as sessions" : "only stores are exported";
  throw new UsageError(`${command} needs the sessions of createSessions(), exported as sessions: ${why}`);
}

/** What a session says of its device, in one line. */
export function deviceOf({ label, device }: ManagedSession): string | undefined {
  return (
    label ??
    (Object.values(device ?? {})
      .filter(Boolean)
      .join(", ") ||
      undefined)
  );
}

/** Instants as text, for `--json`. */
export function asJson(session: ManagedSession): Record<string, unknown> {
  const { createdAt, authenticatedAt, lastSeenAt, expiresAt, ...others } = session;
  const iso = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : new Date(at).toISOString();
  return {
    ...others,
    createdAt: iso(createdAt),
    authenticatedAt: iso(authenticatedAt),
    lastSeenAt: iso(lastSeenAt),
    expiresAt: iso(expiresAt),
  };
}
