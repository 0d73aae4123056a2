/** Realms with classes of their own, and the library inside: a `node:vm` context, Next's edge runtime, what Jest has. */

import { createRequire } from "node:module";
import { join } from "node:path";
import vm from "node:vm";
import { build, type Plugin } from "vite";
import { projectRoot } from "../../scripts/lib.ts";

const require = createRequire(import.meta.url);
const manifest = require("../../package.json") as { imports: Record<string, { default: string }> };

/** As much as tests need of Next's own copy of `edge-runtime`, which has no types. */
interface EdgeRuntimeModule {
  readonly EdgeRuntime: new () => { evaluate(code: string): unknown };
}

/** What a host gives to the programs of its contexts: its own classes, and promises of its own. */
const given = {
  ...{ crypto, TextEncoder, TextDecoder, Request, Response, Headers, URL, ReadableStream, TransformStream },
  ...{ atob, btoa, setTimeout, clearTimeout, performance, structuredClone, console, queueMicrotask },
};

/** The library in a context that has the web's globals from its host and no modules. */
export async function vmRealm(): Promise<typeof import("./realm-program.ts")> {
  const code = await script("realm-program", ["browser"]);
  return vm.runInContext(code, vm.createContext({ ...given })) as typeof import("./realm-program.ts");
}

/** The library in the edge runtime, as `next dev` and `next start` have it. */
export async function edgeRealm(): Promise<typeof import("./realm-program.ts")> {
  const { EdgeRuntime } = require("next/dist/compiled/edge-runtime") as EdgeRuntimeModule;
  const code = await script("realm-program", ["edge-light", "browser"]);
  return new EdgeRuntime().evaluate(code) as typeof import("./realm-program.ts");
}

/** The library in a context with Node's modules, as Jest runs tests. */
export async function jestRealm(): Promise<typeof import("./realm-node-program.ts")> {
  const code = await script("realm-node-program", ["node"]);
  const { Buffer, AbortController } = globalThis;
  const context = vm.createContext({ ...given, process, Buffer, AbortController, setImmediate, require });
  return vm.runInContext(code, context) as typeof import("./realm-node-program.ts");
}

/** What `package.json` has for runtimes that are not Node: its `default`. The condition for sources would take Node's. */
const withoutNode: Plugin = {
  name: "without node",
  enforce: "pre",
  resolveId(id) {
    const file = id.startsWith("#") ? manifest.imports[id]?.default : undefined;
    return file === undefined ? null : join(projectRoot, file.replace("dist", "src").replace(/\.js$/, ".ts"));
  },
};

/** A program as a script whose value is what the program exports. */
async function script(name: string, conditions: string[]): Promise<string> {
  const built = await build({
    root: projectRoot,
    configFile: false,
    logLevel: "error",
    plugins: conditions.includes("node") ? [] : [withoutNode],
    resolve: { conditions: ["sojourn-source", ...conditions] },
    ssr: { noExternal: true, external: [], resolve: { conditions: ["sojourn-source", ...conditions] } },
    build: {
      ssr: join(projectRoot, "test/support", `${name}.ts`),
      write: false,
      minify: false,
      target: "es2022",
      rolldownOptions: { output: { format: "cjs", codeSplitting: false } },
    },
  });
  const [chunk] = [built].flat().flatMap((one) => ("output" in one ? one.output : []));
  if (chunk?.type !== "chunk") throw new Error(`${name} is not one chunk`);
  return `(() => { const exports = {}; const module = { exports };\n${chunk.code}\nreturn module.exports; })()`;
}
