/** Real Elasticsearch and OpenSearch nodes for tests, on free ports and in directories of their own, gone with the tests. */

import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { javaCommand, readyJavaServer } from "../../scripts/java-servers.ts";
import { end, host, launch, onFreePort, pause } from "./processes.ts";

/** Which of the two. */
export type SearchProduct = "elasticsearch" | "opensearch";

/** One running node. */
export interface SearchServer {
  /** `"http://127.0.0.1:<port>"` */
  readonly url: string;
  /** Ends it the hard way and waits until it is gone. Its directory stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port and directory. */
  restart(): Promise<void>;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

/** `"Elasticsearch 9.5.3"`, or why there is none as `{ missing }`. */
export function searchVersion(product: SearchProduct): { readonly title: string } | { readonly missing: string } {
  const ready = readyJavaServer(product);
  return typeof ready === "string" ? { missing: ready } : { title: ready.title };
}

/** Starts one node. */
export async function startSearch(product: SearchProduct): Promise<SearchServer> {
  const ready = readyJavaServer(product);
  if (typeof ready === "string") throw new Error(ready);
  const directory = mkdtempSync(join(tmpdir(), `sojourn-${product}-`));
  const run = async (port: number): Promise<ChildProcess> => {
    const [program, ...args] = javaCommand(ready, 512, [directory, String(port)]);
    const child = await launch(program, args, port, 90_000);
    for (const limit = Date.now() + 30_000; !(await isUp(port)); await pause(100)) {
      if (Date.now() < limit) continue;
      await end(child);
      throw new Error(`${ready.title} does not answer`);
    }
    return child;
  };
  try {
    let [port, child] = await onFreePort(async (free) => [free, await run(free)] as const);
    return {
      url: `http://${host}:${port}`,
      kill: () => end(child),
      async restart() {
        await end(child);
        child = await run(port);
      },
      async stop() {
        await end(child);
        rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
      },
    };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    throw error;
  }
}

/** It answers, and what it holds can be used. */
async function isUp(port: number): Promise<boolean> {
  const health = await fetch(`http://${host}:${port}/_cluster/health`).catch(() => undefined);
  if (!health?.ok) return false;
  const { status } = (await health.json()) as { status: string };
  return status !== "red";
}
