/** Real shared caches in front of an application: nginx's `proxy_cache` and Varnish, and what visitors see through them. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions } from "sojourn";
import { memoryStore } from "sojourn/stores/memory";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findProgram } from "../../scripts/servers.ts";
import { type FrameworkHarness, text } from "../../src/testing/framework/trial.ts";
import { end, host, launch, onFreePort } from "./processes.ts";

/** A cache that runs in front of a server. */
export interface SharedCache {
  readonly url: string;
  stop(): Promise<void>;
}

/** By name: starts a cache in front of `http://127.0.0.1:<port>`. */
export const caches = {
  nginx: (port: number) => startNginx(port, ""),
  "a cache that ignores Vary": (port: number) => startNginx(port, "proxy_ignore_headers Vary;"),
  varnish: startVarnish,
} satisfies Readonly<Record<string, (port: number) => Promise<SharedCache>>>;

async function startNginx(to: number, more: string): Promise<SharedCache> {
  const directory = await mkdtemp(join(tmpdir(), "sojourn-nginx-"));
  await mkdir(join(directory, "logs"));
  return start("nginx", directory, async (port) => {
    // What a plain manual teaches: 200 is kept for a while where the answer says nothing.
    const config = `
      daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/logs/error.log;
      events {}
      http {
        access_log off;
        client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
        uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
        proxy_cache_path ${directory}/cache keys_zone=pages:1m;
        server {
          listen ${host}:${port};
          location / {
            proxy_pass http://${host}:${to};
            proxy_cache pages; proxy_cache_valid 200 1m; ${more}
            add_header x-cache $upstream_cache_status;
          }
        }
      }`;
    await writeFile(join(directory, "nginx.conf"), config);
    return ["-p", directory, "-c", join(directory, "nginx.conf")];
  });
}

async function startVarnish(to: number): Promise<SharedCache> {
  const directory = await mkdtemp(join(tmpdir(), "sojourn-varnish-"));
  const jail = process.getuid?.() === 0 ? ["-j", "none"] : [];
  return start("varnishd", directory, async (port) => [
    ...["-F", ...jail, "-n", join(directory, "work"), "-a", `${host}:${port}`, "-b", `${host}:${to}`],
    ...["-s", "malloc,16m", "-T", "none"],
  ]);
}

async function start(
  name: string,
  directory: string,
  argsFor: (port: number) => Promise<string[]>,
): Promise<SharedCache> {
  const program = findProgram(name);
  if (!program) throw new Error(`${name} was not found: \`npm run servers\` installs it on Debian`);
  const [port, child] = await onFreePort(
    async (free) => [free, await launch(program, await argsFor(free), free)] as const,
  );
  return {
    url: `http://${host}:${port}`,
    async stop() {
      await end(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface Visit {
  readonly status: number;
  readonly text: string;
  readonly hit: boolean;
}

/** One visitor's request. */
export async function visit(url: string, cookie?: string): Promise<Visit> {
  const response = await fetch(url, { headers: cookie ? { cookie } : {}, redirect: "manual" });
  const { status, headers } = response;
  // Varnish numbers the request that filled the cache, too.
  const hit = headers.get("x-cache") === "HIT" || / /.test(headers.get("x-varnish") ?? "");
  return { status, text: await response.text(), hit };
}

/** Registers what holds for the adapter of a framework: nobody gets a page of another's session. */
export function describeCaches(harness: FrameworkHarness): void {
  describe(`${harness.name} behind shared caches`, () => {
    const sessions = createSessions<{ name: string }>({ store: memoryStore(), warn: () => {} });
    const cookies: Record<string, string> = { "an unknown cookie": `__Host-session=${"A".repeat(43)}` };
    let port: number;
    let app: { readonly url: string; close(): unknown };
    beforeAll(async () => {
      app = await harness.start({
        sessions: [sessions as never],
        attach: undefined,
        async handle(request, url) {
          const { pathname, searchParams } = new URL(url, "http://trial.test");
          if (pathname === "/untouched") return text("untouched", [["cache-control", "public, max-age=60"]]);
          const { data } = await sessions.get(request);
          const name = searchParams.get("name");
          if (name) data.name = name;
          const headers = pathname === "/public" ? ([["cache-control", "public, max-age=60"]] as const) : [];
          return text(data.name ?? "nobody", headers);
        },
        onError: async () => text("error", [], 500),
      });
      port = Number(new URL(app.url).port);
      for (const name of ["alice", "bob"]) {
        const answer = await fetch(`${app.url}/mine?name=${name}`);
        cookies[name] = answer.headers.getSetCookie()[0]?.split(";")[0] as string;
      }
    });
    afterAll(() => app.close());

    test.each(Object.entries(caches))(
      "two visitors and a client without a session: each gets its own page from %s",
      async (name, open) => {
        const cache = await open(port);
        try {
          const paths = name === "a cache that ignores Vary" ? ["/mine"] : ["/mine", "/public"];
          for (const path of paths) {
            for (const who of [
              "stranger",
              "alice",
              "bob",
              "stranger",
              "an unknown cookie",
              "alice",
              "bob",
              "stranger",
            ]) {
              const expected = who === "alice" || who === "bob" ? who : "nobody";
              expect({ path, who, ...(await visit(cache.url + path, cookies[who])) }).toMatchObject({
                status: 200,
                text: expected,
              });
            }
          }
          // It does store what uses no session.
          await visit(`${cache.url}/untouched`);
          expect(await visit(`${cache.url}/untouched`)).toEqual({ status: 200, text: "untouched", hit: true });
        } finally {
          await cache.stop();
        }
      },
    );
  });
}
