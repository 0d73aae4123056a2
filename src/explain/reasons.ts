/** The reasons there are for a request without a session, or a response without a cookie, and their words. */

/** The text of every reason by its code, for developers. */
export const reasonTexts = {
  found: "The request has a session.",
  not_mounted: "No adapter of these sessions has opened this request. Mount it before this handler.",
  skipped: 'The route has the access "skip", or is prerendered: it has no session.',
  no_cookie: "No session cookie came with the request.",
  several_cookies:
    "Two cookies of this name with different values came. One may be planted, so both are ignored. Remove one in the browser.",
  malformed: "The cookie's value does not have the form of this application's cookies.",
  other_secret:
    "The cookie's value has the right form, but no secret of this process opens it: it was made with another secret, or forged. Do all processes have the same secrets, with the old one still after the new one?",
  unreadable:
    "The session is sealed with a secret that this process does not have. First give every process the new secret after the old one, then put it first.",
  no_such_session:
    "Nothing is stored under the id: the session was logged out, revoked or unused for too long, or it is in another store or under another keyPrefix.",
  ended: "The session was logged out or revoked, or a newer cookie has replaced this one.",
  logged_out: "The session was logged out.",
  revoked: "The session was revoked.",
  replaced: "A login or regenerate() gave the session another id, and the client sent the old one.",
  old_id:
    "The id was renewed, and the old one was used long after the new one: a copied cookie, or a very slow request.",
  expired_idle: "The session was not used for the idle timeout.",
  expired_absolute: "The session has reached its absolute timeout.",
  binding_violated: "The session is bound to a browser, and the request has no proof of that browser.",
  undecodable:
    "A record is stored under the id, and this process cannot decode it: another format, a changed secret, or another program's record.",
  schema_refused: "The schema refused the stored data.",
  store_unavailable: "The store failed, or did not answer in time. The cookie stays, and the answer is a 503.",
  not_asked: "The handler did not use the session, so nothing was loaded and no cookie is sent.",
  nothing_to_keep: "The session is new and empty: no record and no cookie until there is something to keep.",
  headers_sent: "The response headers were already sent, so no cookie can be set.",
  secure_over_http:
    'The cookie is Secure and the request came over plain http, where browsers neither keep nor send it (Chrome and Firefox do for localhost and 127.0.0.1, Safari does not). For development, set cookie: { secure: process.env.NODE_ENV !== "development" } and NODE_ENV=development.',
  untrusted_proxy:
    'The request says that a proxy ended https, and the framework does not trust it, so the request counts as plain http. Make the framework trust the proxy (Express, Nest: app.set("trust proxy", 1); Koa: app.proxy; Fastify, h3: trustProxy; others: the adapter\'s option secure).',
  host_only_beside_domain:
    "The cookie is set for a domain: one of the two may be an older one for this host only, or come from a subdomain. Browsers keep both.",
  partitioned_beside_plain:
    "The cookie is partitioned: one of the two may be an older one without a partition. Browsers keep both.",
  other_name:
    "A cookie came whose name differs only in its prefix or in case: the prefix (__Host-, __Secure-) depends on secure, domain and path.",
  cross_site: "The request comes from another site, so browsers do not send the cookie (SameSite).",
  outside_path: "The request is outside the path of the cookie.",
  outside_domain: "The host of the request is outside the domain of the cookie, so browsers reject the cookie.",
} as const;

/** Why a request has no session, or its response no cookie. Stable, for programs. */
export type ReasonCode = keyof typeof reasonTexts;

/** One reason. */
export interface Reason {
  readonly code: ReasonCode;
  /** The same in words, with what to do about it. */
  readonly text: string;
  /** Of sessions in parts: the name of the part. */
  readonly part?: string | undefined;
}

/** Where it applies, what is known besides: an instant, a limit, a few words. Never an id. */
export function reason(code: ReasonCode, more?: string): Reason {
  return { code, text: more === undefined ? reasonTexts[code] : `${reasonTexts[code]} ${more}` };
}
