/** Cases of a suite that are asked for by request: how tests on Node run those that are in another engine. */

import type { ConformanceCase } from "../../../src/testing/store-conformance.ts";

/** The query that asks for a case. */
export function caseQuery({ group, name }: ConformanceCase): string {
  return `${new URLSearchParams({ group, name })}`;
}

/** Runs the case that is asked for. The answer is `"passed"`, or what was wrong. */
export async function runCase(cases: readonly ConformanceCase[], query: URLSearchParams): Promise<Response> {
  const wanted = cases.find(({ group, name }) => group === query.get("group") && name === query.get("name"));
  if (!wanted) return new Response("there is no such case", { status: 404 });
  return wanted.run().then(
    () => new Response("passed"),
    (error: Error) => new Response(error.stack ?? String(error)),
  );
}
