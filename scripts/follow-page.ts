/**
 * Does what a page of the documentation says, in an empty folder, with the packed package.
 *
 * A block under "`app.ts`:" is a file. Each line of an `sh` block is a command: it ends, or it is a server and answers on
 * the port that the page asks. The next `sh` block stops that server, as a reader would in that terminal. A `console`
 * block is the other terminal: what follows `$` is run, and must print what the page shows; `…` stands for anything. A
 * `text` block that begins with Open is what a person does in a browser (page-visitor.ts). One that begins with `sojourn:`
 * is what the server has printed by then, among other lines.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { freePort } from "../test/support/free-port.ts";
import { blocksOf } from "./checks/doc-code.ts";
import { projectRoot, run } from "./lib.ts";
import { Visitors } from "./page-visitor.ts";

export interface FollowOptions {
  /** Empty, and stays. */
  readonly directory: string;
  /** Stands for `sojourn` wherever the page installs it. */
  readonly tarball: string;
  /** The packages are there already, in a folder above: leaves out the lines that install some. Default false. */
  readonly installed?: boolean;
  /** How long a command may take to end or to answer. Default 60 seconds. */
  readonly limit?: number;
  /** How long a server may take to print a line that the page shows. Default 10 seconds. */
  readonly printLimit?: number | undefined;
}

const install = /^(npm (install|i|ci)|bun (add|init)|deno add)\b/;

/** Follows a page. Rejects at the first step that does not do what the page says, with its line. */
export async function followPage(page: string, options: FollowOptions): Promise<void> {
  const { directory, tarball, installed = false, limit = 60_000, printLimit = 10_000 } = options;
  const text = readFileSync(join(projectRoot, page), "utf8");
  const blocks = blocksOf(text.split("\n"));
  const port = await portFor(blocks.filter(({ language, name }) => name || language === "sh").map(({ code }) => code));
  const here = (code: string): string => code.replaceAll(/\b3000\b/g, String(port));
  const visitors = new Visitors();
  let server: Started | undefined;
  try {
    for (const { line, language, code, name } of blocks) {
      const at = `${page}:${line}`;
      if (name) {
        mkdirSync(dirname(join(directory, name)), { recursive: true });
        writeFileSync(join(directory, name), here(code));
      } else if (language === "sh") {
        await server?.stop();
        server = undefined;
        for (const command of commandsOf(code)) {
          // Deno looks for packages beside its deno.json only.
          if (installed && install.test(command) && !command.startsWith("deno")) continue;
          const started = start(here(withTarball(command, tarball)), directory);
          const came = await Promise.race([started.ended, answers(portOf(text, port), started, limit)]);
          if (came === "answers") server = started;
          else if (came !== 0) {
            await started.stop();
            throw new Error(
              `${at}: ${command}: ${came === "late" ? "too slow" : `ended with ${came}`}\n${started.said()}`,
            );
          }
        }
      } else if (language === "text" && Visitors.takes(code)) {
        await visitors.follow(here(code)).catch((error: Error) => {
          throw new Error(`${at}: ${error.message}\n${server?.said() ?? ""}`);
        });
      } else if (language === "text" && code.startsWith("sojourn: ")) {
        for (const told of code.split("\n"))
          if (!(await printed(server, told, printLimit)))
            throw new Error(`${at}: the server did not print\n${told}\nbut\n${server?.said() ?? ""}`);
      } else if (language === "console") {
        for (const { command, expected } of asked(code)) {
          const { output } = await shell(here(command), directory);
          if (!pattern(here(expected)).test(tidy(output)))
            throw new Error(`${at}: $ ${command}\nprinted\n${output}\nand not\n${expected}\n${server?.said() ?? ""}`);
        }
      }
    }
  } finally {
    await visitors.close();
    await server?.stop();
  }
}

/** What the pages install, without sojourn: for one folder above them all. */
export function packagesOf(pages: readonly string[]): string[] {
  const lines = pages.flatMap((page) =>
    blocksOf(readFileSync(join(projectRoot, page), "utf8").split("\n"))
      .filter(({ language }) => language === "sh")
      .flatMap(({ code }) => commandsOf(code).filter((command) => install.test(command))),
  );
  const named = lines.flatMap((line) => line.replace(install, "").split(" "));
  return [...new Set(named)].filter((word) => word !== "" && !word.endsWith("sojourn") && !word.startsWith("-"));
}

/** As typed into a terminal, with the project's Node, and from what this machine has of the registry already. */
export async function shell(command: string, cwd: string): Promise<{ code: number; output: string }> {
  const { code, output } = await run("sh", ["-c", `${command} 2>/dev/null`], { cwd, env: environment() });
  return { code, output };
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<number>;
  said(): string;
  stop(): Promise<void>;
}

function start(command: string, cwd: string): Started {
  const env = { ...process.env, ...environment() };
  // In a group of its own: what the shell starts ends with it.
  const child = spawn("sh", ["-c", command], { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  const ended = once(child, "exit").then(([code]) => (code as number | null) ?? 1);
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-(child.pid as number), name);
    } catch {
      // It has ended.
    }
  };
  const stop = async (): Promise<void> => {
    signal("SIGTERM");
    const timer = setTimeout(signal, 5000, "SIGKILL");
    await ended;
    clearTimeout(timer);
    signal("SIGKILL");
  };
  return { child, ended, said: () => said, stop };
}

/** When the server answers http: a port that is open may still be starting. */
async function answers(port: number, { child }: Started, limit: number): Promise<"answers" | "late"> {
  const end = Date.now() + limit;
  while (child.exitCode === null && Date.now() < end) {
    const url = `http://localhost:${port}/favicon.ico`;
    const answered = await fetch(url, { signal: AbortSignal.timeout(30_000) }).then(
      () => true,
      () => false,
    );
    if (answered) return "answers";
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return "late";
}

/** Whether the server prints a line in time. What surrounds it is its own, such as the mark of a warning. */
async function printed(server: Started | undefined, line: string, limit: number): Promise<boolean> {
  const end = Date.now() + limit;
  const wanted = new RegExp(withAnything(line));
  while (server !== undefined && !wanted.test(server.said())) {
    if (server.child.exitCode !== null || Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return server !== undefined;
}

function environment(): Record<string, string | undefined> {
  return {
    PATH: [join(projectRoot, "node_modules", ".bin"), process.env.PATH].join(delimiter),
    npm_config_prefer_offline: "true",
    npm_config_audit: "false",
    npm_config_fund: "false",
    // A dev server that thinks it runs in a test leaves things out.
    NODE_ENV: undefined,
    VITEST: undefined,
    TEST: undefined,
  };
}

function withTarball(command: string, tarball: string): string {
  if (!install.test(command)) return command;
  const words = command.split(" ").map((word) => (/^(npm:)?sojourn$/.test(word) ? tarball : word));
  return words.join(" ").replace(/^deno add/, "npm install --prefix ."); // Deno takes no tarball; it finds what npm installed.
}

function commandsOf(code: string): string[] {
  return code.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

function asked(code: string): { command: string; expected: string }[] {
  return code
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const [command = "", ...expected] = text.split("\n");
      return { command, expected: tidy(expected.join("\n")) };
    });
}

function tidy(text: string): string {
  return text
    .replace(/\r/g, "")
    .replace(/[ \t]+$/gm, "")
    .trimEnd();
}

/** `…` alone on its line stands for any lines, within a line for anything on that line. */
function pattern(expected: string): RegExp {
  const lines = expected.split("\n").map((line) => {
    if (line.trim() === "…") return "(?:.*\\n)*?";
    return `${withAnything(line)}\\n`;
  });
  return new RegExp(`^${lines.join("").replace(/\\n$/, "\\n?")}$`);
}

function withAnything(line: string): string {
  const known = line.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return known.join(".*");
}

/** The port that the page's requests go to: 3000 becomes the free one where the page itself sets it. */
function portOf(text: string, port: number): number {
  const [, shown = "3000"] = text.match(/https?:\/\/localhost:(\d+)/) ?? [];
  return shown === "3000" ? port : Number(shown);
}

/** A free port if the program or a command says 3000; else 3000 is the framework's own, and must be free. */
async function portFor(codes: readonly string[]): Promise<number> {
  if (!codes.some((code) => /\b3000\b/.test(code))) {
    const taken = await isOpen(3000);
    if (taken) throw new Error("port 3000 is in use: stop what listens there");
    return 3000;
  }
  return freePort();
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "localhost");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
