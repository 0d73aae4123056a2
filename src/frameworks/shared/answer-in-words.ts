/** Answers at a Node server with the status alone. */

import { STATUS_CODES } from "node:http";
import type { NodeResponse } from "./node-shapes.ts";

/** The answer to an error where the application has none of its own. Cuts off a response whose head has left. */
export function answerInWords(res: NodeResponse): void {
  if (res.headersSent) return void res.destroy();
  res.setHeader("content-type", "text/plain; charset=utf-8");
  res.end(STATUS_CODES[res.statusCode] ?? "Error");
}
