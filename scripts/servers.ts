/** The programs the tests start: finds them, and on Debian installs what is missing where it may. */

import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { findPython, flaskTitle, prepareFlask } from "./flask.ts";
import { findJavaServer, javaServers, prepareJavaServer } from "./java-servers.ts";
import { lines, run, seconds } from "./lib.ts";
import { mongodbNode, prepareMongodbNode } from "./mongodb-node.ts";
import { mysqlVersion, prepareMysql } from "./mysql.ts";
import { findNoSync, noSyncPackage } from "./no-sync.ts";

/** A program that tests start themselves, on a free port or a temporary directory, and stop again. */
interface Server {
  readonly name: string;
  /** Names it may have on the PATH, the first that is there is taken. */
  readonly programs: readonly string[];
  /** The Debian package that brings it. */
  readonly debian: string;
  /** Where it is, if being on the PATH is not enough. */
  readonly find?: () => string | undefined;
  /** Without it the tests run all the same. Default false. */
  readonly optional?: boolean;
}

const servers: readonly Server[] = [
  { name: "Redis", programs: ["redis-server"], debian: "redis-server" },
  { name: "redis-cli", programs: ["redis-cli"], debian: "redis-tools" },
  { name: "Memcached", programs: ["memcached"], debian: "memcached" },
  { name: "PostgreSQL", programs: ["postgres"], debian: "postgresql" },
  { name: "PgBouncer", programs: ["pgbouncer"], debian: "pgbouncer" },
  { name: "MariaDB", programs: ["mariadbd"], debian: "mariadb-server-core" },
  { name: "its tools", programs: ["my_print_defaults"], debian: "mariadb-client-core" },
  { name: "nginx", programs: ["nginx"], debian: "nginx" },
  { name: "Varnish", programs: ["varnishd"], debian: "varnish" },
  { name: "a JDK", programs: ["javac"], debian: "default-jdk-headless" },
  { name: "Maven", programs: ["mvn"], debian: "maven" },
  { name: "Python", programs: ["python3"], debian: "python3-venv", find: findPython },
  {
    name: "Chromium",
    programs: ["chromium", "chromium-browser", "chromium-headless-shell", "google-chrome"],
    debian: "chromium",
  },
  { name: "no fsync", programs: [], debian: noSyncPackage, find: findNoSync, optional: true },
];

/** The full path of a program, or `undefined` when it is not on the PATH. */
export function findProgram(...names: readonly string[]): string | undefined {
  const directories = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/bin", ...postgres()];
  return names.flatMap((name) => directories.map((directory) => join(directory, name))).find(isExecutable);
}

/** Debian keeps several versions of PostgreSQL side by side, none of them on the PATH. */
function postgres(): string[] {
  const root = "/usr/lib/postgresql";
  return existsSync(root) ? readdirSync(root).map((version) => join(root, version, "bin")) : [];
}

/**
 * Finds every server, installs the missing ones where that is allowed, and prints what it found.
 * Answers the names of those that are not there in the end.
 */
export async function prepareServers(wanted: readonly Server[] = servers): Promise<string[]> {
  const missing = wanted.filter((server) => !find(server));
  if (missing.length > 0) await install(missing.map((server) => server.debian));
  for (const server of wanted) {
    const path = find(server);
    console.log(`${server.name.padEnd(10)} ${path ? await version(path) : `absent: apt-get install ${server.debian}`}`);
  }
  const absent = missing.filter((server) => !server.optional && !find(server)).map((server) => server.name);
  if (wanted !== servers) return absent;
  return [
    ...absent,
    ...((await prepareMongodb()) ? [] : ["MongoDB"]),
    ...((await prepareMysqlServer()) ? [] : ["MySQL"]),
    ...(await prepareJavaServers()),
    ...((await prepareFlaskSession()) ? [] : ["Flask-Session"]),
  ];
}

function find(server: Server): string | undefined {
  return server.find ? server.find() : findProgram(...server.programs);
}

/** Some servers are libraries for Java. */
async function prepareJavaServers(): Promise<string[]> {
  const absent: string[] = [];
  for (const name of javaServers) {
    const why = await prepareJavaServer(name);
    const server = findJavaServer(name);
    if (why !== undefined || typeof server === "string") absent.push(name);
    console.log(`${name.padEnd(10)} ${why ?? (typeof server === "string" ? server : `${server.title}, by Maven`)}`);
  }
  return absent;
}

/** MongoDB comes by npm, or is somewhere else altogether; what it may lack is a newer C library than the machine's. */
async function prepareMongodb(): Promise<boolean> {
  const why = process.env.MONGODB_URL ? undefined : await prepareMongodbNode();
  const [command] = mongodbNode();
  console.log(
    `${"MongoDB".padEnd(10)} ${why ?? (process.env.MONGODB_URL ? "at MONGODB_URL" : `by npm, under ${command}`)}`,
  );
  return why === undefined;
}

/** MySQL is only in the unstable release of Debian, from where it is unpacked. */
async function prepareMysqlServer(): Promise<boolean> {
  const why = await prepareMysql();
  console.log(`${"MySQL".padEnd(10)} ${why ?? mysqlVersion()}`);
  return why === undefined;
}

/** Flask-Session comes by pip, into a virtual environment of its own. */
async function prepareFlaskSession(): Promise<boolean> {
  const why = await prepareFlask();
  console.log(`${"Flask".padEnd(10)} ${why ?? `${flaskTitle}, by pip`}`);
  return why === undefined;
}

async function install(packages: readonly string[]): Promise<void> {
  const how = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`;
  if (!existsSync("/usr/bin/apt-get")) {
    console.log(`Missing: ${packages.join(", ")}. This is not a Debian machine: please install them your way.`);
    return;
  }
  const root = process.getuid?.() === 0;
  if (!root && (await run("sudo", ["-n", "true"]).catch(() => ({ code: 1 }))).code !== 0) {
    console.log(`Missing: ${packages.join(", ")}. As root: ${how}`);
    return;
  }
  console.log(`Installing with apt-get: ${packages.join(", ")}`);
  const start = performance.now();
  const [command, args] = root ? ["sh", ["-c", quietly(how)]] : ["sudo", ["-n", "sh", "-c", quietly(how)]];
  const { code, output } = await run(command, args);
  if (code === 0) console.log(`Installed in ${seconds(performance.now() - start)}`);
  else console.log(`apt-get failed with ${code}:\n${lines(output).slice(-15).join("\n")}`);
}

/** A package must not start a service of its own: the tests start what they need on free ports. */
function quietly(command: string): string {
  const policy = "/usr/sbin/policy-rc.d";
  return `export DEBIAN_FRONTEND=noninteractive
    if [ ! -e ${policy} ]; then
      printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod 755 ${policy}
      trap 'rm -f ${policy}' EXIT
    fi
    ${command}`;
}

async function version(path: string): Promise<string> {
  const { output } = await run(path, ["--version"]).catch(() => ({ output: "" }));
  return `${path}  ${lines(output).find((line) => /\d\.\d/.test(line)) ?? ""}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.main) process.exitCode = (await prepareServers()).length === 0 ? 0 : 1;
