/** The servers of the tests that run on Java: DynamoDB Local, Elasticsearch and OpenSearch, as libraries from Maven Central. */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { lines, projectRoot, run } from "./lib.ts";

/** One of them: a directory of `scripts/java-servers` with a `pom.xml` that names its libraries, and perhaps a `Main.java`. */
export interface JavaServer {
  readonly directory: string;
  /** `"Elasticsearch 9.5.3"` */
  readonly title: string;
  /** The program that starts it, a JDK's. */
  readonly java: string;
  /** Where its libraries are, or will be once {@link prepareJavaServer} has brought them. */
  readonly libraries: string;
}

const sources = join(projectRoot, "scripts", "java-servers");
const cache = join(projectRoot, ".cache", "java");

/** Names, and the versions that there are, newest first, with the Java each needs. */
const known = {
  dynamodb: { name: "DynamoDB Local", versions: [["dynamodb", 17]] },
  elasticsearch: {
    name: "Elasticsearch",
    versions: [
      ["elasticsearch9", 21],
      ["elasticsearch7", 17],
    ],
  },
  opensearch: {
    name: "OpenSearch",
    versions: [
      ["opensearch3", 21],
      ["opensearch2", 17],
    ],
  },
} as const;

/** The names of all of them. */
export const javaServers: readonly JavaServerName[] = ["dynamodb", "elasticsearch", "opensearch"];

/** Which kind of server. */
export type JavaServerName = keyof typeof known;

/**
 * The newest of a kind that the Java of this machine can run, or why there is none. `JAVA_SERVERS=older` takes the
 * oldest instead.
 */
export function findJavaServer(kind: JavaServerName): JavaServer | string {
  const { name, versions } = known[kind];
  const wanted = process.env.JAVA_SERVERS === "older" ? versions.toReversed() : versions;
  for (const [directory, least] of wanted) {
    const java = findJava(least);
    if (java === undefined) continue;
    const pom = readFileSync(join(sources, directory, "pom.xml"), "utf8");
    const version = /<dependency>.*?<version>(.*?)<\/version>/s.exec(pom)?.[1] ?? "";
    return { directory, title: `${name} ${version}`, java, libraries: join(cache, `${directory}-${version}`) };
  }
  return `${name} needs a JDK of Java ${Math.min(...versions.map(([, least]) => least))} or later; apt-get install default-jdk-headless`;
}

/** As {@link findJavaServer}, and its libraries are there. */
export function readyJavaServer(kind: JavaServerName): JavaServer | string {
  const server = findJavaServer(kind);
  if (typeof server === "string" || existsSync(server.libraries)) return server;
  return `the libraries of ${server.title} are not here; \`npm run servers\` brings them`;
}

/** Brings the libraries with Maven, if they are not there. Answers why not, or nothing when all is well. */
export async function prepareJavaServer(kind: JavaServerName): Promise<string | undefined> {
  const server = findJavaServer(kind);
  if (typeof server === "string") return server;
  if (existsSync(server.libraries)) return undefined;
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, "fetching-"));
  try {
    const pom = join(sources, server.directory, "pom.xml");
    const args = ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${scratch}`];
    const { code, output } = await run("mvn", args);
    if (code !== 0) return `Maven failed: ${lines(output)[0]}`;
    await rename(scratch, server.libraries).catch(() => {}); // Somebody else may have been faster.
    return existsSync(server.libraries) ? undefined : `Maven brought nothing into ${server.libraries}`;
  } catch (error) {
    return `Maven cannot be run (${(error as Error).message}); apt-get install maven`;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The command line that starts a server. `args` are the main class or nothing, and what it takes. */
export function javaCommand(
  server: JavaServer,
  megabytes: number,
  args: readonly string[],
): [program: string, ...args: string[]] {
  const own = join(sources, server.directory);
  const main = existsSync(join(own, "Main.java")) ? [join(own, "Main.java")] : [];
  const options = [
    `-Xmx${megabytes}m`,
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    `-Dhttp.source=${join(own, "ElasticsearchHttp.java")}`,
    `-Dsqlite4java.library.path=${server.libraries}`,
  ];
  return [server.java, ...options, "-cp", join(server.libraries, "*"), ...main, ...args];
}

const found = new Map<number, string | undefined>();

/** A JDK's `java` of at least this version: in `JAVA_HOME`, on the PATH, or where Debian puts them. */
function findJava(least: number): string | undefined {
  if (!found.has(least)) {
    const root = "/usr/lib/jvm";
    const homes = existsSync(root) ? readdirSync(root).map((home) => join(root, home, "bin")) : [];
    const directories = [
      ...(process.env.JAVA_HOME ? [join(process.env.JAVA_HOME, "bin")] : []),
      ...(process.env.PATH ?? "").split(delimiter),
      ...homes,
    ];
    const candidates = directories.filter((one) => existsSync(join(one, "java")) && existsSync(join(one, "javac")));
    const fits = candidates.find((one) => versionOf(join(one, "javac")) >= least);
    found.set(least, fits === undefined ? undefined : join(fits, "java"));
  }
  return found.get(least);
}

/** `javac 17.0.15` */
function versionOf(javac: string): number {
  try {
    return Number(/\d+/.exec(execFileSync(javac, ["-version"], { encoding: "utf8", timeout: 60_000 }))?.[0] ?? 0);
  } catch {
    return 0;
  }
}
