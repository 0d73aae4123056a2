/** Nothing of one machine is in the files: no home directories, no registry or mirror hosts. */

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Check, lines, run } from "../lib.ts";

/** Written so that this file does not find itself. */
const machinePaths = new RegExp(
  `(^|[\\s"'\`(=:])/(?:${["work", "root", "home/[\\w.-]+", "Users/[\\w.-]+"].join("|")})(?![\\w.-])`,
);
const publicRegistry = "registry.npmjs.org";

export const portable: Check = {
  name: "portable",
  about: "no tracked file names a path of one machine or a package registry other than the public one",
  async run(root) {
    const hosts = await registryHosts();
    const tracked = await run("git", ["ls-files", "-z"], { cwd: root });
    if (tracked.code !== 0) return [`git ls-files failed: ${tracked.output}`];
    const problems: string[] = [];
    for (const file of tracked.output.split("\0").filter((name) => name !== "")) {
      const text = readText(join(root, file));
      if (text === undefined) continue;
      const allLines = text.split("\n");
      allLines.forEach((line, index) => {
        const host = hosts.find((name) => line.includes(name)) ?? otherRegistry(file, line);
        if (machinePaths.test(line)) problems.push(`${file}:${index + 1}: names a path of one machine`);
        if (homedir().length > 6 && line.includes(`${homedir()}/`))
          problems.push(`${file}:${index + 1}: names a home directory`);
        if (host)
          problems.push(`${file}:${index + 1}: names the registry ${host}; only ${publicRegistry} may be named`);
      });
    }
    return problems;
  },
};

/** The hosts this machine gets its packages from, when they are not the public ones. */
async function registryHosts(): Promise<string[]> {
  const { output } = await run("npm", ["config", "get", "registry"]);
  const hosts = lines(output).flatMap((line) => (URL.canParse(line) ? [new URL(line).host] : []));
  return hosts.filter((host) => host !== "" && host !== publicRegistry);
}

function otherRegistry(file: string, line: string): string | undefined {
  const lock = file.endsWith("package-lock.json") && line.match(/"resolved": "([^"]+)"/)?.[1];
  const set = line.match(/^\s*(?:@[\w-]+:)?(?:registry|npm_config_registry)\s*=\s*(\S+)/)?.[1];
  const url = lock || set;
  const host = url && URL.canParse(url) ? new URL(url).host : undefined;
  return host === publicRegistry || host === "" ? undefined : host;
}

/** `undefined` for a file that is gone or binary. */
function readText(path: string): string | undefined {
  try {
    const text = readFileSync(path, "utf8");
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}
