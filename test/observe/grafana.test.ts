/** The dashboard asks for metrics and labels that there are. */

import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createSessions } from "../../src/index.ts";
import { sessionMetrics } from "../../src/metrics.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { visitor } from "./visitor.ts";

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

test("every query of the dashboard uses a published metric and its labels", async () => {
  const register = new Registry();
  const sessions = createSessions({ store: memoryStore(), warn: false });
  const stop = sessionMetrics({ register, sessions });
  const visit = visitor(sessions);
  await visit((session) => session.login("ada"));
  await visit(async (session) => {
    session.regenerate();
    await visit((other) => Object.assign(other.data, { b: 2 }));
  });
  await visit(async (session) => {
    session.data["a"] = 1;
    await visit((other) => Object.assign(other.data, { b: 3 }));
  });
  const labels = new Map<string, Set<string>>();
  for (const [, name = "", all = ""] of (await register.metrics()).matchAll(/^(\w+)\{(.*)\}/gm)) {
    const known = labels.get(name) ?? new Set();
    for (const [, label = ""] of all.matchAll(/(\w+)="/g)) known.add(label);
    labels.set(name, known);
  }
  stop();
  const page = new URL("../../docs/observability/grafana.json", import.meta.url);
  const { panels } = JSON.parse(readFileSync(page, "utf8")) as Dashboard;
  const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(queries.length).toBeGreaterThan(10);
  for (const query of queries) {
    const name = query.match(/sojourn_\w+/)?.[0] ?? "";
    const asked = [...query.matchAll(/(\w+)=~?"/g), ...query.matchAll(/by \((.*?)\)/g)].flatMap(([, list = ""]) =>
      list.split(", "),
    );
    expect([...(labels.get(name) ?? [])], query).toEqual(expect.arrayContaining(asked));
  }
});
