/** What follows the start pages fails where a page is wrong, and says at which line. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, expect, test } from "vitest";
import { followPage, packagesOf } from "../../scripts/follow-page.ts";
import { projectRoot } from "../../scripts/lib.ts";

const root = mkdtempSync(join(tmpdir(), "sojourn-follow-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const server = `import { createServer } from "node:http";
createServer((req, res) => res.end("Hello from " + req.url + " at " + Date.now() + "\\n")).listen(3000);`;
let pages = 0;

/** A page with one program, what is run, and what is to be seen. */
function pageOf({ code = server, run = "node app.mjs", seen = "" }): string {
  const file = join(root, `page-${++pages}.md`);
  const console = seen && `\`\`\`console\n${seen}\n\`\`\`\n`;
  writeFileSync(
    file,
    `# Page\n\n\`app.mjs\`, the server:\n\n\`\`\`js\n${code}\n\`\`\`\n\n\`\`\`sh\n${run}\n\`\`\`\n\n${console}`,
  );
  return relative(projectRoot, file);
}

function follow(page: string, printLimit?: number): Promise<void> {
  const directory = join(root, `folder-${pages}`);
  mkdirSync(directory);
  return followPage(page, { directory, tarball: "/nowhere.tgz", limit: 20_000, printLimit });
}

test("a page that is right passes: … stands for what differs", async () => {
  await follow(
    pageOf({
      seen: "$ curl http://localhost:3000/a\nHello from /a at …\n$ curl http://localhost:3000/b\nHello from /b at …",
    }),
  );
});

test("another output is an error at the line of its block, with what was printed", async () => {
  const wrong = follow(pageOf({ seen: "$ curl http://localhost:3000/a\nHello from /b at …" }));
  await expect(wrong).rejects.toThrow(/page-\d+\.md:14: \$ curl http:\/\/localhost:3000\/a\nprinted\nHello from \/a/);
});

test("more output than the page shows is an error", async () => {
  await expect(follow(pageOf({ run: "true", seen: "$ printf 'a\\nb\\n'\na" }))).rejects.toThrow("printed\na\nb");
});

test("a command that fails, and a server that ends, are errors with what they said", async () => {
  await expect(follow(pageOf({ run: "echo so; exit 3" }))).rejects.toThrow(/echo so; exit 3: ended with 3\nso/);
  await expect(follow(pageOf({ code: 'throw new Error("no such port")' }))).rejects.toThrow(
    /ended with 1\n[\s\S]*no such port/,
  );
});

test("the next sh block stops the server of the one before", async () => {
  const page = pageOf({ seen: "$ curl http://localhost:3000/a\nHello from /a at …\n```\n\n```sh\nnode app.mjs" });
  await follow(page);
});

test("one install has what all pages need, and sojourn from elsewhere", () => {
  const page = pageOf({ run: "npm install sojourn express\nnpm install -D typescript\ndeno add npm:sojourn" });
  expect(packagesOf([page, page])).toEqual(["express", "typescript"]);
});

test("what the server prints is shown as it is, or the page is wrong at that line", async () => {
  const code = `console.log("sojourn: it listens on " + 3000 + ", says the server");\n${server}`;
  const shown = (line: string) => pageOf({ code, seen: `$ true\n\`\`\`\n\n\`\`\`text\nsojourn: ${line}` });
  await follow(shown("it listens on …, says"));
  const wrong = follow(shown("it sleeps"), 100);
  await expect(wrong).rejects.toThrow(/page-\d+\.md:19: the server did not print\nsojourn: it sleeps/);
});
