/** The workflows: actions pinned by digest, least rights, no credentials left behind, OpenID Connect for publishing alone. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Check, filesBelow } from "../lib.ts";

/** May ask for a token of OpenID Connect: npm, the scorecard and Pages trust it. */
const identified = ["docs", "release", "scorecard"].map((name) => `.github/workflows/${name}.yml`);

export const workflows: Check = {
  name: "workflows",
  about: "every action is pinned by its digest, and no workflow has more rights than it needs",
  run(root) {
    return filesBelow(root, ".github/workflows", ".yml").flatMap((file) =>
      problemsIn(file, readFileSync(join(root, file), "utf8")),
    );
  },
};

function problemsIn(file: string, text: string): string[] {
  const problems: string[] = [];
  if (!/^permissions:\n {2}contents: read\n/m.test(text))
    problems.push(`${file}:1: must begin with permissions: contents: read`);
  for (const [at, line] of text.split("\n").entries()) {
    const action = line.match(/uses:\s*(\S+)(.*)/);
    if (action && !/@[0-9a-f]{40}$/.test(action[1] as string))
      problems.push(`${file}:${at + 1}: ${action[1]} is not pinned by the digest of a commit`);
    if (action && !/# v\d/.test(action[2] as string))
      problems.push(`${file}:${at + 1}: say which version the digest is, in a comment`);
    if (/id-token: write/.test(line) && !identified.includes(file))
      problems.push(`${file}:${at + 1}: must not ask for an identity token`);
    if (/secrets\./.test(line)) problems.push(`${file}:${at + 1}: no secret is needed: publishing is trusted by npm`);
    if (/run:.*\$\{\{/.test(line))
      problems.push(`${file}:${at + 1}: an expression in a command is an injection; pass it by env`);
  }
  const checkouts = text.split("actions/checkout@").slice(1);
  if (checkouts.some((after) => !after.split("- ")[0]?.includes("persist-credentials: false")))
    problems.push(`${file}:1: actions/checkout must have persist-credentials: false`);
  const publishing = text.split(/^ {2}(?=\w[\w-]*:$)/m).filter((job) => job.includes("pages: write"));
  if (publishing.some((job) => !/^ {4}if: .*github\.ref == 'refs\/heads\/main'/m.test(job)))
    problems.push(`${file}:1: a job that publishes pages must run on main only`);
  if (/pull_request_target/.test(text))
    problems.push(`${file}:1: pull_request_target runs foreign code with our rights`);
  return problems;
}
