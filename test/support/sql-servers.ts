/** Real PostgreSQL and MariaDB (or MySQL) servers for tests, on free ports and in directories of their own, gone with the tests. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, chownSync, constants, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

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
const nobody: { uid?: number; gid?: number } = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

/** `postgres`: the environment's `POSTGRES_SERVER`, else on the PATH or where Debian puts it, or `undefined`. */
export const postgresProgram: string | undefined = find("POSTGRES_SERVER", ["postgres"], debianPostgres());
/** `mariadbd`, or `mysqld` of either make: the environment's `MARIADB_SERVER`, else on the PATH, or `undefined`. */
export const mariadbProgram: string | undefined = find("MARIADB_SERVER", ["mariadbd", "mysqld"], ["/usr/sbin"]);

/** Why nothing can be tested here, for `reportMissing`. */
export const noPostgres = "no PostgreSQL server found; install postgresql, or name the program in POSTGRES_SERVER";
/** Why nothing can be tested here, for `reportMissing`. */
export const noMariadb =
  "no MariaDB server found; install mariadb-server-core and mariadb-client-core, or name the program in MARIADB_SERVER";

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

/** Starts a MariaDB server. */
export function startMariadb({ durable = false }: SqlServerOptions = {}): Promise<SqlServer> {
  const program = mariadbProgram ?? missing(noMariadb);
  const install = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-name-resolve"];
  const settings = [
    `--bind-address=${host}`,
    "--skip-name-resolve",
    "--skip-log-bin",
    "--max-connections=200",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    `--innodb-flush-log-at-trx-commit=${durable ? 1 : 0}`,
  ];
  return startServer({
    name: "mariadb",
    account: { user: "root", database: "test" },
    ready: /ready for connections/,
    create: (data) => execAs("mariadb-install-db", [...install, `--datadir=${data}`]),
    launch: (data, port) => {
      const own = [`--datadir=${data}`, `--socket=${data}/socket`, `--pid-file=${data}/pid`, `--port=${port}`];
      return [program, ["--no-defaults", ...own, ...settings]];
    },
  });
}

interface Kind {
  readonly name: string;
  readonly account: { readonly user: string; readonly database: string };
  readonly ready: RegExp;
  create(data: string): void;
  launch(data: string, port: number): readonly [program: string, args: readonly string[]];
}

async function startServer({ name, account, ready, create, launch }: Kind): Promise<SqlServer> {
  const directory = mkdtempSync(join(tmpdir(), `sojourn-${name}-`));
  if (nobody.uid !== undefined) chownSync(directory, nobody.uid, nobody.gid!);
  const data = join(directory, "data");
  let child: ChildProcess | undefined;
  const run = async (port: number): Promise<void> => {
    child = await launched(...launch(data, port), ready, directory);
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

async function launched(program: string, args: readonly string[], ready: RegExp, cwd: string): Promise<ChildProcess> {
  const child = spawn(program, args, { ...nobody, cwd, stdio: ["ignore", "ignore", "pipe"] });
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
async function onFreePort(run: (port: number) => Promise<void>): Promise<number> {
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

function execAs(program: string, args: readonly string[]): void {
  execFileSync(program, args, { ...nobody, cwd: tmpdir(), stdio: ["ignore", "ignore", "pipe"] });
}

function find(variable: string, names: readonly string[], elsewhere: readonly string[]): string | undefined {
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
function versionOf(program: string): string {
  const text = execFileSync(program, ["--version"], { ...nobody, encoding: "utf8", cwd: tmpdir() });
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? text.trim();
}

function missing(why: string): never {
  throw new Error(why);
}
