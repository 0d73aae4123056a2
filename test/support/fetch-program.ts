/** Serves the fetch handler of a module: what `bun`, `deno serve` and `wrangler dev` do. */

import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { serveFetch } from "./fetch-server.ts";

const module = await import(pathToFileURL(process.argv[2] as string).href);
const server = serveFetch(module.default.fetch).listen(Number(process.env.PORT), "localhost", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
