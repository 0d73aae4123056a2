/** Copies the sources of an application that a framework builds into a project of its own, with this package installed. */

import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectRoot, run } from "../../scripts/lib.ts";

/** A project that was built. */
export interface BuiltApp {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Builds an application.
 *
 * @param sources Its directory.
 * @param command What builds it: the name of a program of `node_modules/.bin`, and its arguments.
 */
export async function buildApp(sources: string, ...command: readonly [string, ...string[]]): Promise<BuiltApp> {
  // Below this project: it finds the framework there.
  const cache = join(projectRoot, ".cache");
  await mkdir(cache, { recursive: true });
  const path = await mkdtemp(join(cache, "app-"));
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true });
  try {
    const filter = (source: string): boolean => !/\/(node_modules|\.svelte-kit|\.astro)$/.test(source);
    await cp(join(projectRoot, sources), path, { recursive: true, filter });
    await writeFile(join(path, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
    await mkdir(join(path, "node_modules"));
    await symlink(projectRoot, join(path, "node_modules", "sojourn"));
    const [program, ...args] = command;
    // Vitest's own settings are not meant for it.
    const env = { NODE_ENV: undefined, VITEST: undefined, NODE_OPTIONS: "", ASTRO_TELEMETRY_DISABLED: "1" };
    const { code, output } = await run(program, args, { cwd: path, env });
    if (code !== 0) throw new Error(`"${command.join(" ")}" ended with ${code}:\n${output}`);
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
