/** The lock file is complete, so that `npm ci` accepts it on every platform. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Check } from "../lib.ts";

interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export const lock: Check = {
  name: "lock",
  about: "package-lock.json fits package.json and has every package it mentions, for every platform",
  run(root) {
    if (!existsSync(join(root, "package-lock.json"))) return ["package-lock.json: is absent; npm ci needs it"];
    const { packages } = readJson(root, "package-lock.json") as { packages: Readonly<Record<string, LockedPackage>> };
    const manifest = readJson(root, "package.json") as LockedPackage;
    const problems: string[] = [];
    for (const field of ["dependencies", "devDependencies"] as const) {
      if (JSON.stringify(sorted(manifest[field])) !== JSON.stringify(sorted(packages[""]?.[field]))) {
        problems.push(`package-lock.json: ${field} are not those of package.json; run npm install`);
      }
    }
    for (const [path, locked] of Object.entries(packages)) {
      for (const name of Object.keys({
        ...locked.dependencies,
        ...locked.devDependencies,
        ...locked.optionalDependencies,
      })) {
        if (!findLocked(packages, path, name)) {
          problems.push(
            `package-lock.json: ${path || "the project"} wants ${name}, which is not there: the registry this lock was made with does not have that version; take an older one`,
          );
        }
      }
    }
    return problems;
  },
};

/** Looks where Node would: beside the package, then in every `node_modules` above. */
function findLocked(packages: Readonly<Record<string, unknown>>, from: string, name: string): boolean {
  for (let at = from; ; at = dirname(at)) {
    if (at.endsWith("node_modules")) continue;
    const base = at === "." ? "" : at;
    if (join(base, "node_modules", name) in packages) return true;
    if (base === "") return false;
  }
}

function sorted(dependencies: Readonly<Record<string, string>> = {}): [string, string][] {
  return Object.entries(dependencies).sort(([a], [b]) => (a < b ? -1 : 1));
}

function readJson(root: string, file: string): unknown {
  return JSON.parse(readFileSync(join(root, file), "utf8"));
}
