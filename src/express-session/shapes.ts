/** The parts of records, answers and responses that are used here, by shape. */

import type { NodeResponse } from "../frameworks/node.ts";

/** A session as stores keep it: `cookie` and the application's keys. */
export type SessionRecord = Record<string, unknown> & { cookie?: unknown };

/** How a store answers. */
export type Answer<Value = unknown> = (error?: unknown, value?: Value) => void;

/** A response, or what an upgrade has in place of one. */
export type ExpressResponse = Partial<NodeResponse> & { writeHead?(...args: unknown[]): unknown };
