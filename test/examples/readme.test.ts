/** The README: its example runs, its curl transcript is what curl says, its tables are what the code claims. */

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Store } from "sojourn";
import { fileStore } from "sojourn/stores/file";
import { memoryStore } from "sojourn/stores/memory";
import { redisStore } from "sojourn/stores/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expressSessionRace, runners } from "../../examples/demo/race.ts";
import { isBuilt } from "../../scripts/build.ts";
import { filesBelow, projectRoot } from "../../scripts/lib.ts";
import { findProgram } from "../../scripts/servers.ts";
import { reportMissing } from "../support/report.ts";
import { type Program, scratch, start } from "./demo-process.ts";

const readme = readFileSync(join(projectRoot, "README.md"), "utf8");
const repository = "https://github.com/sojourn-js/sojourn/blob/main/";
const block = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(readme)?.[1] ?? "";

const missing = findProgram("curl") ? false : reportMissing("curl", "no curl on the PATH");

describe.skipIf(missing)("the example", () => {
  const script = join(projectRoot, ".cache", "readme", "example.ts");
  let directory: Awaited<ReturnType<typeof scratch>>;
  let program: Program;
  let url: string;

  beforeAll(async () => {
    directory = await scratch();
    // As it is, but for a port that is free and said.
    const listening = /^app\.listen\(3000\);$/m;
    expect(block("ts")).toMatch(listening);
    const onFreePort = `const server = app.listen(0, "localhost", () => {
      console.log("http://localhost:" + (server.address() as { port: number }).port);
    });`;
    mkdirSync(join(script, ".."), { recursive: true });
    writeFileSync(script, block("ts").replace(listening, onFreePort));
    const condition = isBuilt() ? [] : ["--conditions=sojourn-source"];
    program = start([...condition, script], { cwd: directory.path });
    url = await program.url;
  });

  afterAll(async () => {
    await program?.stop();
    await directory?.remove();
    rmSync(join(script, ".."), { recursive: true, force: true });
  });

  test("answers curl as the transcript says, header by header", async () => {
    const exchanges = block("console").split(/^\$ /m).slice(1);
    expect(exchanges).toHaveLength(3);
    const transcript: string[] = [];
    for (const exchange of exchanges) {
      const command = exchange.slice(0, exchange.indexOf("\n"));
      const { stdout } = await promisify(execFile)("sh", ["-c", command.replace("http://localhost:3000", url)], {
        cwd: directory.path,
      });
      transcript.push(`${command}\n${shortened(stdout.replaceAll("\r", ""))}`);
    }
    const withoutIds = (text: string): string => text.replace(/(?<=__Host-session=)[\w-]{43};/, "…;");
    expect(transcript.map(withoutIds)).toEqual(exchanges.map(withoutIds));
  });

  test("says where the sessions are stored", () => {
    expect(program.said()).toContain('sessions are kept in ".sessions" on this machine');
  });
});

test("the picture of the race is right: sojourn keeps all (demo.test.ts), express-session a few", async () => {
  const [, ours, theirs] = /^sojourn +█+ +(\d+)\nexpress-session +█+ +(\d+)$/m.exec(readme) ?? [];
  expect([Number(ours), Number(theirs)]).toEqual([runners, 4]);
  const { kept } = await expressSessionRace();
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.length).toBeLessThan(20);
});

/** Headers that have nothing to do with sessions, one or several, become "…". */
function shortened(response: string): string {
  const [head = "", body = ""] = response.split("\n\n");
  const lines = head.split("\n").map((line) => (/^(HTTP|set-cookie|vary|cache-control)\b/i.test(line) ? line : "…"));
  return `${lines.filter((line, at) => line !== "…" || lines[at - 1] !== "…").join("\n")}\n${body}`;
}

describe("the table of stores in docs/stores", () => {
  const page = readFileSync(join(projectRoot, "docs/stores/README.md"), "utf8");

  const samples: Record<string, Store> = {
    memory: memoryStore(),
    file: fileStore({ directory: "nowhere" }),
    redis: redisStore({ client: { command: async () => null } }),
  };

  for (const [name, sample] of Object.entries(samples)) {
    test(`says the same of ${name} as the store does`, () => {
      const cells = rowOf(page, `sojourn/stores/${name}`);
      const { shared, nativeExpiry, bySubject } = sample.capabilities;
      expect(cells[2] !== "one process").toBe(shared);
      expect(cells[3] === "by themselves").toBe(nativeExpiry);
      expect(cells[4] === "yes").toBe(bySubject);
    });
  }

  test("names every store without compare-and-swap next to the promise that needs it", () => {
    const stores = [...page.matchAll(/^\| \[([a-z-]+)\]\([a-z-]+\.md\) \| (yes|no) \|/gm)];
    const without = stores.filter(([, , can]) => can === "no").map(([, name]) => name);
    expect(without.length).toBeGreaterThan(0);
    const words = /needs compare-and-swap\.(.*?)\shave none/s
      .exec(readme)?.[1]
      ?.replace(/\(.*?\)/g, "")
      .match(/[a-z-]+/g);
    expect(words?.filter((word) => stores.some(([, name]) => name === word)).sort()).toEqual(without.sort());
  });
});

function rowOf(page: string, specifier: string): string[] {
  const row = page.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${specifier}\``)) ?? "";
  return row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

describe("links", () => {
  const pages = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    ...filesBelow(projectRoot, "docs", ".md"),
  ];
  const slugs = (text: string): string[] => [
    ...Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    ),
    ...Array.from(text.matchAll(/<a id="([^"]+)">/g), ([, id = ""]) => id),
  ];

  for (const page of pages) {
    test(`of ${page} lead to an existing place`, () => {
      const text = readFileSync(join(projectRoot, page), "utf8").replace(/^```.*?^```$/gms, "");
      // What leads out of the installed documentation names the repository.
      const links = [
        ...text.replaceAll(`](${repository}`, "](/").matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g),
      ];
      const broken = links.flatMap(([link, path = "", anchor]) => {
        const from = path.startsWith("/") ? "." : dirname(page);
        const target = path === "" ? join(projectRoot, page) : join(projectRoot, from, path);
        if (!existsSync(target)) return [link];
        return anchor === undefined || slugs(readFileSync(target, "utf8")).includes(anchor) ? [] : [link];
      });
      expect(broken).toEqual([]);
    });
  }
});

describe("the text", () => {
  test("has fewer than 700 words, its code included", () => {
    const words = readme.replaceAll(repository, "").split(/\s+/);
    expect(words.length).toBeLessThan(700);
  });

  test("has absolute links, so that they work on npm", () => {
    expect([...readme.matchAll(/\]\((?!https:|#)[^)]*\)/g)].map(([link]) => link)).toEqual([]);
  });

  test("names only commands that package.json has", () => {
    const { scripts } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
    for (const [, name] of readme.matchAll(/npm run ([\w:-]+)/g)) expect(scripts).toHaveProperty([name as string]);
  });

  test("says rightly that sojourn has no dependencies", () => {
    const manifest = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
    expect([manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
