/** Copies the sources of an application that a framework builds into a project of its own, with this package installed. */

import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectRoot, run } from "../../scripts/lib.ts";

/** A project that was built. */
export interface BuiltApp {
  readonly path: string;
  remove(): Promise<void>;
}

const support = join(projectRoot, "test", "support");

const viteBuild = ["vite", "build", "--config", join(support, "vite-source.config.js")] as const;

/** What builds applications, with this package as it is in `src`. */
const builders = {
  // Its path has to be relative.
  astro: ["astro", "build", "--config", "../../test/support/astro-source.config.js"],
  nitro: ["node", join(support, "nitro-build.ts")],
  sveltekit: viteBuild,
  tanstack: viteBuild,
} as const;

/**
 * Builds an application.
 *
 * @param sources Its directory.
 */
export async function buildApp(sources: string, builder: keyof typeof builders): Promise<BuiltApp> {
  // Below this project: it finds the framework there.
  const cache = join(projectRoot, ".cache");
  await mkdir(cache, { recursive: true });
  const path = await mkdtemp(join(cache, "app-"));
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true });
  try {
    const filter = (source: string): boolean =>
      !/\/(node_modules|\.svelte-kit|\.astro|\.tanstack|routeTree\.gen\.ts)$/.test(source);
    await cp(join(projectRoot, sources), path, { recursive: true, filter });
    await writeFile(join(path, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
    await mkdir(join(path, "node_modules"));
    await symlink(projectRoot, join(path, "node_modules", "sojourn"));
    const [program, ...args] = builders[builder];
    // Vitest's own settings are not meant for it.
    const env = { NODE_ENV: undefined, VITEST: undefined, NODE_OPTIONS: "", ASTRO_TELEMETRY_DISABLED: "1" };
    const { code, output } = await run(program, args, { cwd: path, env });
    if (code !== 0) throw new Error(`${program} could not build ${sources}:\n${output}`);
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
