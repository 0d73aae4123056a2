/** Runs in workerd: the framework suite over a fetch handler. Client and application are one worker; HTTP is between them. */

import { frameworkConformance, type RunningApp, type TrialApp } from "../../../src/testing/framework-conformance.ts";
import { fetchApp, fetchLacks } from "../fetch-app.ts";
import { runCase } from "./cases.ts";

const applications = new Map<string, (request: Request) => Promise<Response>>();
let started = 0;

/** `https://suite.test/case?name=…&group=…&at=…` runs one case, whose applications are found at `at`. */
const worker = {
  async fetch(request: Request): Promise<Response> {
    const { hostname, searchParams } = new URL(request.url);
    const application = applications.get(request.headers.get("app") ?? "");
    if (hostname !== "suite.test")
      return application?.(request) ?? new Response("no such application", { status: 404 });
    const start = async (app: TrialApp): Promise<RunningApp> => {
      started += 1;
      const name = `#${started}`;
      applications.set(name, fetchApp(app));
      return { url: searchParams.get("at") + name, close: () => applications.delete(name) };
    };
    return runCase(frameworkConformance({ name: "fetch", lacks: fetchLacks, start }), searchParams);
  },
};

// biome-ignore lint/style/noDefaultExport: it is what workerd runs.
export { worker as default };
