/** The options of `deviceBound`, checked once, and against those of `createSessions`. */

import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";
import { oneOf } from "../core/options/checks.ts";
import { type Duration, durationOption } from "../core/options/duration.ts";
import type { Config } from "../core/options/options.ts";
import { isCookieStore } from "../core/record/cookie-store.ts";
import { type BoundCookies, cookiesBeside } from "./cookies.ts";
import { type BoundAlgorithm, isAlgorithm } from "./proof.ts";

/** The options of `deviceBound`. All are optional. */
export interface DeviceBoundOptions {
  /**
   * What happens to a request of a bound session without its browser's proof. `"enforce"` (default): it finds no
   * session. `"report"`: only the event `binding_violated` is emitted, to see what `"enforce"` would refuse.
   */
  readonly mode?: "enforce" | "report" | undefined;
  /**
   * How long a proof is valid, which is also how long stolen cookies work: `"3m"` to `"1h"`, default `"10m"`. Chromium
   * signs at most six times in nine minutes for a site.
   */
  readonly proofLifetime?: Duration | undefined;
  /** The algorithms of keys, the preferred one first. Default `["ES256", "RS256"]`. */
  readonly algorithms?: readonly BoundAlgorithm[] | undefined;
  /**
   * The path below which browsers register and refresh; the sessions answer `POST <path>/register` and
   * `POST <path>/refresh`. Default `"/device-bound/session"`, with the cookie's path and name.
   */
  readonly path?: string | undefined;
  /** Which requests need a proof. Default: all of the origin. */
  readonly scope?: BoundScope | undefined;
  /** Also emits `binding_refreshed`, once in `proofLifetime` for every active browser. Default false. */
  readonly reportRefresh?: boolean | undefined;
}

/** Which requests need a proof. */
export interface BoundScope {
  /**
   * The site, such as `"https://shop.example"`: its subdomains count as well. Needs the option `cookie.domain`, with the
   * same host. Default: the origin alone.
   */
  readonly site?: string | undefined;
  /** Paths below which browsers send no proof, such as `"/static"`. Handlers there see no bound session. Default none. */
  readonly exclude?: readonly string[] | undefined;
}

/** The options as binding uses them. */
export interface BoundConfig {
  readonly enforces: boolean;
  /** Milliseconds. */
  readonly lifetime: number;
  readonly algorithms: readonly BoundAlgorithm[];
  readonly registerPath: string;
  readonly refreshPath: string;
  readonly reportRefresh: boolean;
  readonly cookies: BoundCookies;
  /** As browsers get them. */
  readonly scope: object;
}

const pathShape = /^\/[\w!$&'()*+,;=:@.~%/-]*$/;

/** Checks what can be checked without the sessions. */
export function checkBound(options: DeviceBoundOptions): void {
  checkKnown("deviceBound", options, ["mode", "proofLifetime", "algorithms", "path", "scope", "reportRefresh"]);
  const { algorithms, path, scope = {} } = options;
  oneOf("deviceBound.mode", options.mode, ["enforce", "report"]);
  oneOf("deviceBound.reportRefresh", options.reportRefresh, [false, true]);
  lifetimeOf(options);
  if (
    algorithms !== undefined &&
    !(Array.isArray(algorithms) && algorithms.length > 0 && algorithms.every(isAlgorithm))
  )
    throw wrongArgument("deviceBound.algorithms", 'a list of "ES256" and "RS256"', algorithms);
  if (path !== undefined && !isPath(path)) throw wrongArgument("deviceBound.path", takesPath, path);
  checkKnown("deviceBound.scope", scope, ["site", "exclude"]);
  const { site, exclude = [] } = scope;
  if (site !== undefined && !/^https:\/\/[a-z0-9.-]+(:\d+)?$/.test(typeof site === "string" ? site : ""))
    throw wrongArgument("deviceBound.scope.site", 'an origin such as "https://shop.example"', site);
  if (!Array.isArray(exclude) || !exclude.every(isPath))
    throw wrongArgument("deviceBound.scope.exclude", `a list: each ${takesPath}`, exclude);
}

const takesPath = 'a path that begins and does not end with "/", such as "/device-bound"';

function isPath(value: unknown): boolean {
  return typeof value === "string" && value.length <= 200 && pathShape.test(value) && !value.endsWith("/");
}

function lifetimeOf({ proofLifetime = "10m" }: DeviceBoundOptions): number {
  return durationOption("deviceBound.proofLifetime", proofLifetime, 180_000, 3_600_000);
}

/** Works the options out for these sessions. Throws a `TypeError` for what cannot be bound. */
export function boundConfig(options: DeviceBoundOptions, { cookie, store, format }: Config): BoundConfig {
  const cookies = cookiesBeside(cookie);
  const { mode = "enforce", algorithms = ["ES256", "RS256"], scope = {}, reportRefresh = false } = options;
  if (isCookieStore(store))
    throw new TypeError("deviceBound cannot be given with cookieStore: an old cookie would bring an old binding back");
  if (store.capabilities.compareAndSwap === "none")
    throw new TypeError(
      `deviceBound needs a store with compare-and-swap, which ${store.name} has not: see docs/stores`,
    );
  if (format.foreign)
    throw new TypeError(`deviceBound cannot be given with format ${format.name}, which has no place for a binding`);
  if (/Partitioned/.test(cookies.attributes))
    throw new TypeError(
      "deviceBound cannot be given with cookie.partitioned, which browsers refuse for bound sessions",
    );
  if (scope.site !== undefined && new URL(scope.site).hostname !== cookies.domain) {
    const { hostname } = new URL(scope.site);
    throw new TypeError(
      `deviceBound.scope.site needs cookie: { domain: "${hostname}" }, so that subdomains get the proof`,
    );
  }
  const base = cookies.path.replace(/\/$/, "");
  const { path = `${base}/device-bound/${cookie.baseName}` } = options;
  if (!isPath(path) || !`${path}/`.startsWith(`${base}/`))
    throw new TypeError(`deviceBound.path must be below the cookie's path, "${cookies.path}"; received another`);
  return {
    enforces: mode === "enforce",
    lifetime: lifetimeOf(options),
    algorithms,
    registerPath: `${path}/register`,
    refreshPath: `${path}/refresh`,
    reportRefresh,
    cookies,
    scope: scopeOf(scope, cookies.path),
  };
}

/** Browsers read the rules from the last to the first, and what no rule names is in. */
function scopeOf({ site, exclude = [] }: BoundScope, path: string): object {
  const rule = (type: "include" | "exclude", at: string): object => ({ type, domain: "*", path: at });
  const rules = [
    ...(path === "/" ? [] : [rule("exclude", "/"), rule("include", path)]),
    ...exclude.map((at) => rule("exclude", at)),
  ];
  return { ...(site && { origin: site }), include_site: site !== undefined, scope_specification: rules };
}
