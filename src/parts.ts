/**
 * One session in several cookies and stores: `createPartsSessions`, and `defineParts`, which lets the compiler check them.
 *
 * @module
 */

export { type DefinedParts, defineParts } from "./parts/define.ts";
export type { Fields } from "./parts/fields.ts";
export { createPartsSessions, type PartsSessions } from "./parts/keeping.ts";
export type { PartOptions, PartsOptions } from "./parts/options.ts";
export type { PartInfo, PartsChoice, PartsSession } from "./parts/session.ts";
