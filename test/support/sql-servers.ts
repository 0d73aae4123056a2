/** Real PostgreSQL, MariaDB and MySQL servers for tests, on free ports and in directories of their own, gone with the tests. */

import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { mysqlCommand, mysqlVersion } from "../../scripts/mysql.ts";
import { freePort } from "./free-port.ts";

/** One running server, and whom it lets in without a password. */
export interface SqlServer {
  readonly host: string;
  readonly port: number;
  /** May do everything. */
  readonly user: string;
  /** A database to use. */
  readonly database: string;
  /** Ends it the hard way, with all it was doing, and waits until it is gone. Its directory stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port and directory. */
  restart(): Promise<void>;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

/** How a server is started. */
export interface SqlServerOptions {
  /** Every commit is on the disk before it is answered. Default false: faster, and good for all but a power failure. */
  readonly durable?: boolean;
}

const host = "127.0.0.1";

// Both refuse to run as root. Whoever else runs the tests runs the servers too.
/** What a program that refuses to run as root is started with. */
export const unprivileged: { uid?: number; gid?: number } = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

/** `postgres`: the environment's `POSTGRES_SERVER`, else on the PATH or where Debian puts it, or `undefined`. */
export const postgresProgram: string | undefined = findServer("POSTGRES_SERVER", ["postgres"], debianPostgres());
/** `mariadbd`: the environment's `MARIADB_SERVER`, else on the PATH, or `undefined`. */
export const mariadbProgram: string | undefined = findServer("MARIADB_SERVER", ["mariadbd"], ["/usr/sbin"]);

/** Why nothing can be tested here, for `reportMissing`. */
export const noPostgres = "no PostgreSQL server found; install postgresql, or name the program in POSTGRES_SERVER";
/** Why nothing can be tested here, for `reportMissing`. */
export const noMariadb =
  "no MariaDB server found; install mariadb-server-core and mariadb-client-core, or name the program in MARIADB_SERVER";

/** Why nothing can be tested here, for `reportMissing`. */
export const noMysql =
  "no MySQL server found; `npm run servers` brings one on a Debian machine, or name the program in MYSQL_SERVER";

/** `"PostgreSQL 15.18"`; empty where there is none. */
export const postgresVersion: string = postgresProgram ? `PostgreSQL ${versionOf(postgresProgram)}` : "";
/** `"MariaDB 10.11.19"`; empty where there is none. */
export const mariadbVersion: string = mariadbProgram ? `MariaDB ${versionOf(mariadbProgram)}` : "";

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a PostgreSQL server. */
export function startPostgres({ durable = false }: SqlServerOptions = {}): Promise<SqlServer> {
  const program = postgresProgram ?? missing(noPostgres);
  const user = "postgres";
  const initdb = ["--auth=trust", `--username=${user}`, "--encoding=UTF8", "--locale=C", "--no-sync"];
  const settings = [
    `listen_addresses=${host}`,
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=32MB",
    ...(durable ? [] : ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]),
  ];
  return startServer({
    name: "postgres",
    account: { user, database: "postgres" },
    ready: /database system is ready to accept connections/,
    create: (data) => execAs(join(dirname(realpathSync(program)), "initdb"), [...initdb, "-D", data]),
    launch: (data, port) => [program, ["-D", data, "-p", String(port), ...settings.flatMap((one) => ["-c", one])]],
  });
}

/** How a test starts one of the two makes of MySQL. */
export interface MysqlMake {
  readonly name: "MariaDB" | "MySQL";
  /** With its version; empty where there is none. */
  readonly version: string;
  /** Why there is none. */
  readonly none: string;
  start(): Promise<SqlServer>;
}

/** Both of them. */
export const mysqlMakes: readonly MysqlMake[] = [
  { name: "MariaDB", version: mariadbVersion, none: noMariadb, start: () => startMariadb() },
  { name: "MySQL", version: mysqlVersion(), none: noMysql, start: () => startMysql() },
];

const innodb = ["--max-connections=200", "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"];

/** Starts a MariaDB server. */
export function startMariadb(): Promise<SqlServer> {
  const program = mariadbProgram ?? missing(noMariadb);
  const install = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-name-resolve"];
  return startServer({
    name: "mariadb",
    account: { user: "root", database: "test" },
    ready: /ready for connections/,
    create: (data) => execAs("mariadb-install-db", [...install, `--datadir=${data}`]),
    launch: (data, port) => [program, ["--no-defaults", ...placeOf(data, port), "--skip-name-resolve", ...innodb]],
  });
}

/** Starts a MySQL server. */
export function startMysql(): Promise<SqlServer> {
  const [program, ...prefix] = mysqlCommand() ?? missing(noMysql);
  // The program may be where nobody but its owner can go; it takes root when it is told so.
  const common = [...prefix, "--no-defaults", ...(unprivileged.uid === undefined ? [] : ["--user=root"])];
  const settings = ["--mysqlx=OFF", "--secure-file-priv=", "--skip-log-bin", "--skip-name-resolve", ...innodb];
  return startServer({
    name: "mysql",
    asRoot: true,
    account: { user: "root", database: "test" },
    ready: /ready for connections/,
    create(data) {
      const setup = join(dirname(data), "setup.sql");
      writeFileSync(
        setup,
        "CREATE DATABASE test; CREATE USER root@'127.0.0.1'; GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n",
      );
      const args = [...common, "--initialize-insecure", `--datadir=${data}`, `--init-file=${setup}`];
      execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"], timeout: 100_000 });
    },
    launch: (data, port) => [program, [...common, ...placeOf(data, port), ...settings]],
  });
}

function placeOf(data: string, port: number): string[] {
  const files = [`--datadir=${data}`, `--socket=${data}/socket`, `--pid-file=${data}/pid`];
  return [...files, `--port=${port}`, `--bind-address=${host}`];
}

interface Kind {
  readonly name: string;
  /** Run by whoever runs the tests, root too. Default false: as nobody then. */
  readonly asRoot?: boolean;
  readonly account: { readonly user: string; readonly database: string };
  readonly ready: RegExp;
  create(data: string): void;
  launch(data: string, port: number): readonly [program: string, args: readonly string[]];
}

async function startServer({ name, asRoot, account, ready, create, launch }: Kind): Promise<SqlServer> {
  const directory = mkdtempSync(join(tmpdir(), `sojourn-${name}-`));
  const user = asRoot ? {} : unprivileged;
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid!);
  const data = join(directory, "data");
  let child: ChildProcess | undefined;
  const run = async (port: number): Promise<void> => {
    child = await launched(...launch(data, port), ready, { ...user, cwd: directory });
  };
  const kill = async (): Promise<void> => {
    const gone = child;
    child = undefined;
    if (!gone || gone.exitCode !== null || gone.signalCode !== null) return;
    gone.ref();
    gone.kill("SIGKILL");
    await once(gone, "exit");
  };
  try {
    create(data);
    const port = await onFreePort(run);
    return {
      host,
      port,
      ...account,
      kill,
      async restart() {
        await kill();
        await again(() => run(port));
      },
      async stop() {
        await kill();
        // PostgreSQL's helpers notice a moment later that it is gone.
        rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
      },
    };
  } catch (error) {
    await kill();
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Starts a program, and answers once its log says that it is ready. */
export async function launched(
  program: string,
  args: readonly string[],
  ready: RegExp,
  options: SpawnOptions,
): Promise<ChildProcess> {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let log = "";
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject).once("exit", () => reject(new Error(`${program} did not start:\n${log}`)));
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
      if (log.length > 100_000) return; // Read on, so that the server never waits for us.
      log += chunk;
      if (ready.test(log)) resolve();
    });
  });
  child.stderr!.removeAllListeners("data").resume();
  // A server that runs does not keep the tests from ending.
  child.unref();
  (child.stderr as unknown as { unref(): void }).unref();
  return child;
}

/** Another program may take a free port before the server does: then the next one. */
export async function onFreePort(run: (port: number) => Promise<void>): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      await run(port);
      return port;
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

/** What is left of a killed server may still hold its directory for a moment. */
async function again(run: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt === 20) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function execAs(program: string, args: readonly string[]): void {
  execFileSync(program, args, {
    ...unprivileged,
    cwd: tmpdir(),
    stdio: ["ignore", "ignore", "pipe"],
    timeout: 100_000,
  });
}

/** The program the environment names, else one of these on the PATH or in other directories. */
export function findServer(
  variable: string,
  names: readonly string[],
  elsewhere: readonly string[],
): string | undefined {
  const named = process.env[variable];
  if (named) return isProgram(named) ? named : undefined;
  const directories = [...(process.env.PATH ?? "").split(delimiter), ...elsewhere];
  return names.flatMap((name) => directories.map((directory) => join(directory, name))).find(isProgram);
}

/** Debian keeps several versions side by side, none of them on the PATH. The newest is taken. */
function debianPostgres(): string[] {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root) : [];
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(root, version, "bin"));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** `"postgres (PostgreSQL) 15.18 (Debian ...)"`, `"mariadbd  Ver 10.11.19-MariaDB-... for ..."` */
export function versionOf(program: string): string {
  const text = execFileSync(program, ["--version"], {
    ...unprivileged,
    encoding: "utf8",
    cwd: tmpdir(),
    timeout: 60_000,
  });
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? text.trim();
}

function missing(why: string): never {
  throw new Error(why);
}
