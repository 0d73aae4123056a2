/** Builds the example for Next.js with pages of the tests beside it, and serves what was built. */

import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import commonJs from "next";
import { compileTo } from "../../scripts/build.ts";
import { projectRoot, run } from "../../scripts/lib.ts";
import type { RunningApp } from "../../src/testing/index.ts";
import { listen } from "./node-app.ts";

const next = commonJs as unknown as typeof commonJs.default;

/** An application that was built. */
export interface NextApp {
  readonly directory: string;
  /** Serves it from this process. Each request is changed first. */
  serve(change?: (request: { url?: string | undefined; headers: object }) => void): Promise<RunningApp>;
  remove(): Promise<void>;
}

const config = `
import { join } from "node:path";
export default {
  turbopack: { root: join(import.meta.dirname, "..", "..") },
  typescript: { ignoreBuildErrors: true },
};
`;

/** The program of the package `next`. */
export const nextProgram: string = join("node_modules", "next", "dist", "bin", "next");

/** Builds it as its users do, with sojourn compiled and installed in it. */
export async function buildNextApp(): Promise<NextApp> {
  // Below the project, where the packages are found.
  const directory = join(projectRoot, ".cache", `next-${process.pid}`);
  const installed = join(directory, "node_modules", "sojourn");
  await mkdir(installed, { recursive: true });
  const said = await compileTo(join(installed, "dist"));
  // Wrong types are what the checks are for; it runs without.
  if (!existsSync(join(installed, "dist", "frameworks", "next.js"))) throw new Error(said);
  await copyFile(join(projectRoot, "package.json"), join(installed, "package.json"));
  await cp(join(projectRoot, "examples", "next"), directory, { recursive: true });
  await cp(join(projectRoot, "test", "support", "next-app"), directory, { recursive: true });
  await writeFile(join(directory, "package.json"), '{ "private": true, "type": "module" }');
  await writeFile(join(directory, "next.config.mjs"), config);
  const env = { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production", NODE_OPTIONS: "", CI: "1" };
  const built = await run("node", [join(projectRoot, nextProgram), "build"], { cwd: directory, env });
  if (built.code !== 0) throw new Error(`next build ended with ${built.code}:\n${built.output}`);
  let app: ReturnType<typeof next> | undefined;
  return {
    directory,
    async serve(change = () => {}) {
      if (!app) {
        app = next({ dev: false, dir: directory, quiet: true });
        await app.prepare();
      }
      const handle = app.getRequestHandler();
      return listen(
        createServer((req, res) => {
          change(req);
          void handle(req, res);
        }),
      );
    },
    async remove() {
      await app?.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
