/** What the drivers are given to reach a server: the same connection, in the words of each. */

import { readFileSync } from "node:fs";
import type { Server, Tls } from "./urls.ts";

/** As `node:tls` and all drivers take it. */
export function tlsOptions({ ca, cert, key, verify }: Tls): object {
  return {
    ...(ca !== undefined && { ca: readFileSync(ca) }),
    ...(cert !== undefined && { cert: readFileSync(cert) }),
    // A file may hold both, as libpq and redis-py allow.
    ...((key ?? cert) !== undefined && { key: readFileSync((key ?? cert) as string) }),
    rejectUnauthorized: verify !== "nothing",
    // MySQL's driver takes its word for it, the others a function.
    verifyIdentity: verify === "host",
    ...(verify !== "host" && { checkServerIdentity: () => undefined }),
  };
}

/** For `new Pool()` of pg. */
export function pgOptions({
  host,
  port,
  socket,
  user,
  password,
  database,
  tls,
  connectTimeout,
  session,
}: Server): object {
  return {
    ...given({ host: socket ?? host, port, user, password, database, ...session }),
    ssl: tls ? tlsOptions(tls) : false,
    ...(connectTimeout !== undefined && { connectionTimeoutMillis: connectTimeout * 1000 }),
  };
}

/** For `postgres()`. */
export function postgresOptions({ host, port, socket, connectTimeout, session, tls, ...who }: Server): object {
  return {
    ...given({ host, port, path: socket && `${socket}/.s.PGSQL.${port}`, username: who.user }),
    ...given({ password: who.password, database: who.database, connect_timeout: connectTimeout }),
    ssl: tls ? tlsOptions(tls) : false,
    connection: { ...session },
    // It prints notices, such as that a table is there already, on standard output otherwise.
    onnotice() {},
  };
}

/** For `createPool()` of mysql2 and mariadb. */
export function mysqlOptions({ host, port, socket, user, password, database, tls, connectTimeout }: Server): object {
  return {
    ...given(socket ? { socketPath: socket } : { host, port }),
    ...given({ user, password, database, connectTimeout: connectTimeout && connectTimeout * 1000 }),
    ...(tls && { ssl: tlsOptions(tls) }),
  };
}

/** For `createClient()` of redis. */
export function nodeRedisOptions({
  host,
  port,
  socket,
  user,
  password,
  database,
  tls,
  connectTimeout,
}: Server): object {
  const time = given({ connectTimeout: connectTimeout && connectTimeout * 1000 });
  const secure = tls ? { tls: true, ...tlsOptions(tls) } : {};
  const at = socket ? { path: socket } : { host, port, ...secure };
  return { ...given({ username: user, password }), database: Number(database), socket: { ...at, ...time } };
}

/** For `new Redis()` of ioredis and iovalkey. */
export function ioredisOptions({ host, port, socket, user, password, database, tls, connectTimeout }: Server): object {
  return {
    ...(socket ? { path: socket } : { host, port }),
    ...given({ username: user, password, connectTimeout: connectTimeout && connectTimeout * 1000 }),
    ...(tls && { tls: tlsOptions(tls) }),
    db: Number(database),
    lazyConnect: true,
  };
}

function given(options: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
