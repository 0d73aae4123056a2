/** Looks at how Redis is set up for sessions: version, role, eviction, persistence, clock. Changes nothing. */

import type { Finding } from "../../core/contracts/store.ts";
import { asked, clockFinding, fault, good, note } from "./findings.ts";
import { type RedisConnection, type Send, textOf } from "./redis-client.ts";

/** What there is to say of every server, each thing once. */
export async function examine(connection: RedisConnection, now: () => number): Promise<Finding[]> {
  const servers = connection.servers
    ? await connection.servers()
    : ([(args) => connection.command("", args)] as Send[]);
  const found = (await Promise.all(servers.map((send) => ofServer(send, now)))).flat();
  return found.filter((one, at) => found.findIndex((other) => isSame(one, other)) === at);
}

function isSame(one: Finding, other: Finding): boolean {
  return one.about === other.about && one.found === other.found;
}

async function ofServer(send: Send, now: () => number): Promise<Finding[]> {
  const info = await asked("version, role, eviction", async () => {
    const facts = factsIn(textOf(await send(["INFO"])) ?? "");
    return [versionOf(facts), ...roleOf(facts), evictionOf(facts), ...memoryOf(facts), persistenceOf(facts)];
  });
  const clock = await asked("clock", async () => {
    const before = now();
    const [seconds, microseconds] = (await send(["TIME"])) as [unknown, unknown];
    const theirs = Number(textOf(seconds)) * 1000 + Number(textOf(microseconds)) / 1000;
    return [clockFinding(theirs, before, now(), "server")];
  });
  return [...info, ...clock];
}

type Facts = ReadonlyMap<string, string>;

function factsIn(info: string): Facts {
  const pairs = [...info.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name = "", value = ""]) => [name, value] as const);
  return new Map(pairs);
}

function versionOf(facts: Facts): Finding {
  const valkey = facts.get("valkey_version");
  const version = facts.get("redis_version") ?? "";
  if (valkey !== undefined) return good("version", `Valkey ${valkey}`);
  if (Number.parseInt(version, 10) >= 7) return good("version", `Redis ${version}`);
  return fault("version", `Redis ${version}`, "The store needs Redis 7.0 or later, or Valkey");
}

function roleOf(facts: Facts): Finding[] {
  if (facts.get("role") !== "slave") return [];
  const found = "a replica: it takes no writes, and its answers may be old";
  return [fault("role", found, "Connect to the master: through Sentinel or the cluster, or at its own address")];
}

function evictionOf(facts: Facts): Finding {
  const [policy = "unknown", limit] = [facts.get("maxmemory_policy"), Number(facts.get("maxmemory") ?? 0)];
  const memory = limit === 0 ? "no memory limit" : `${Math.round(limit / 1024 / 1024)} MB`;
  if (policy === "noeviction") return good("eviction policy", `noeviction, ${memory}`);
  const cure = "CONFIG SET maxmemory-policy noeviction";
  if (limit === 0) return note("eviction policy", `${policy}, with no memory limit that would set it off`, cure);
  return fault("eviction policy", `${policy} with ${memory}: users are logged out when memory is full`, cure);
}

function memoryOf(facts: Facts): Finding[] {
  const [used, limit] = [Number(facts.get("used_memory") ?? 0), Number(facts.get("maxmemory") ?? 0)];
  if (limit === 0 || used < limit * 0.9) return [];
  const found = `${Math.round((used / limit) * 100)} % of maxmemory: writes are about to be refused`;
  return [fault("memory", found, "Give Redis more memory, or shorten idleTimeout")];
}

function persistenceOf(facts: Facts): Finding {
  if (facts.get("aof_enabled") === "1") return good("persistence", "append-only file");
  const found = "no append-only file: a crash logs out who logged in since the last snapshot";
  return note("persistence", found, "CONFIG SET appendonly yes");
}
