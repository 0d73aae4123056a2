/** A real PgBouncer in front of a PostgreSQL of the tests: transactions of all clients share a few connections. */

import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findServer, launched, onFreePort, type SqlServer, unprivileged, versionOf } from "./sql-servers.ts";

/** `pgbouncer`: the environment's `PGBOUNCER`, else on the PATH or where Debian puts it, or `undefined`. */
export const pgbouncerProgram: string | undefined = findServer("PGBOUNCER", ["pgbouncer"], ["/usr/sbin"]);

/** Why nothing can be tested here, for `reportMissing`. */
export const noPgbouncer = "no PgBouncer found; install pgbouncer, or name the program in PGBOUNCER";

/** `"PgBouncer 1.18.0"`; empty where there is none. */
export const pgbouncerVersion: string = pgbouncerProgram ? `PgBouncer ${versionOf(pgbouncerProgram)}` : "";

/** A pooler that hands out its connections, a few, for one transaction at a time. */
export interface Pooler extends Pick<SqlServer, "host" | "port" | "user" | "database"> {
  stop(): Promise<void>;
}

/** Starts one in transaction mode. */
export async function startPgbouncer({ host, port, user, database }: SqlServer): Promise<Pooler> {
  if (!pgbouncerProgram) throw new Error(noPgbouncer);
  const directory = mkdtempSync(join(tmpdir(), "sojourn-pgbouncer-"));
  if (unprivileged.uid !== undefined) chownSync(directory, unprivileged.uid, unprivileged.gid!);
  const file = join(directory, "pgbouncer.ini");
  const settings = (own: number): string => `[databases]
${database} = host=${host} port=${port} user=${user}
[pgbouncer]
listen_addr = ${host}
listen_port = ${own}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
`;
  let child: Awaited<ReturnType<typeof launched>> | undefined;
  const own = await onFreePort(async (free) => {
    writeFileSync(file, settings(free));
    child = await launched(pgbouncerProgram!, [file], /process up/, { ...unprivileged, cwd: directory });
  });
  return {
    host,
    port: own,
    user,
    database,
    async stop() {
      if (child?.exitCode === null && child.signalCode === null) {
        child.ref();
        const gone = new Promise((resolve) => child?.once("exit", resolve));
        child.kill("SIGKILL");
        await gone;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
