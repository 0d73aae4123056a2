/**
 * Sessions of another library, taken over at their next request: what all adopters have in common, and one for a cookie
 * of your own.
 *
 * @module
 */

export { type AdopterOptions, adopter, type OldCookie, type OldCredential } from "./adopt/shared/adopter.ts";
export type { AdoptOptions, OldSession } from "./adopt/shared/options.ts";
export type { Adopter } from "./core/contracts/adopter.ts";
