/** What each entry weighs in a user's bundle, and what must not get into it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Check } from "../lib.ts";
import { publicEntries } from "./surface.ts";

/** The most an entry may weigh, minified, in bytes. `npm run bundle -- --write` writes it. */
export const limitsFile = "scripts/checks/bundle.json";

/** What `createSessions` may bring; everything else is in a subpath, for those who use it. */
const core = /^src\/(index|create|core\/|stores\/(default|file|memory|shared)[./])/;

/** Folders of `src` that are in no bundle but those of the entries that match. */
const apart: readonly (readonly [folder: RegExp, allowed: RegExp])[] = [
  [/^src\/flask[./]/, /\/(flask|express-session\/files)/],
  [/^src\/express-session[./]/, /\/express-session/],
  [/^src\/testing\//, /\/testing/],
  [/^src\/cli\//, /\/(flask\/config|manage|cli)/],
  [/^src\/stores\/(?!memory|file|default|shared)/, /\/(stores|flask|express-session|testing|adopt)/],
  [/^src\/frameworks\//, /\/(frameworks|express-session|testing|device-bound|adopt)/],
];

export const bundle: Check = {
  name: "bundle",
  about: `no entry outgrows its limit in ${limitsFile} (npm run bundle), or brings what belongs to another`,
  async run(root) {
    const limits = JSON.parse(readFileSync(join(root, limitsFile), "utf8")) as Record<string, number>;
    return (await bundleSizes(root)).flatMap(({ entry, bytes, files }) => {
      const foreign =
        entry === "sojourn"
          ? files.filter((file) => !core.test(file))
          : files.filter((file) => apart.some(([folder, allowed]) => folder.test(file) && !allowed.test(entry)));
      const problems = foreign.map((file) => `${file}:1: is in the bundle of ${entry}, where it has no use`);
      const most = limits[entry];
      const how = "npm run bundle -- --write sets it, and the commit says what the bytes are for";
      if (most === undefined) problems.push(`${limitsFile}:1: has no limit for ${entry}; ${how}`);
      else if (bytes > most) problems.push(`${limitsFile}:1: ${entry} weighs ${bytes} of ${most} bytes; ${how}`);
      return problems;
    });
  },
};

/** One entry, bundled for Node and minified. */
export interface Bundled {
  readonly entry: string;
  readonly bytes: number;
  readonly gzipped: number;
  /** Its sources. */
  readonly files: readonly string[];
}

/** Bundles every public entry by itself, as a user's bundler would. */
export function bundleSizes(root: string): Promise<Bundled[]> {
  return Promise.all(
    publicEntries(root).map(async ({ specifier, source }) => {
      const { outputFiles, metafile } = await build({
        absWorkingDir: root,
        entryPoints: [source],
        bundle: true,
        minify: true,
        write: false,
        metafile: true,
        format: "esm",
        platform: "node",
        conditions: ["sojourn-source"],
        packages: "external",
        logLevel: "silent",
      });
      const code = outputFiles[0]?.contents ?? new Uint8Array();
      const [output] = Object.values(metafile.outputs);
      const files = Object.entries(output?.inputs ?? {}).flatMap(([file, { bytesInOutput }]) =>
        bytesInOutput > 0 ? [file] : [],
      );
      return { entry: specifier, bytes: code.length, gzipped: gzipSync(code).length, files };
    }),
  );
}
