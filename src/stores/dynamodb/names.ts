/** Names the attributes of the DynamoDB store. */

import { wrongArgument } from "../../core/contracts/errors.ts";

/** The names of the attributes. All must differ. */
export interface DynamodbAttributes {
  /** The table's partition key. Default `"pk"`. */
  readonly partition?: string | undefined;
  /** The table's sort key. Default `"sk"`. */
  readonly sort?: string | undefined;
  /** The encoded session. Default `"payload"`. */
  readonly payload?: string | undefined;
  /** When the session ends, in epoch milliseconds. Default `"expiresAt"`. */
  readonly expiresAt?: string | undefined;
  /** Text that is new with every write. Default `"version"`. */
  readonly version?: string | undefined;
  /** The user of the session, as JSON text. Default `"subject"`. */
  readonly subject?: string | undefined;
  /** When DynamoDB may remove the item, in epoch seconds. Default `"ttl"`. */
  readonly ttl?: string | undefined;
}

/** Every attribute's name. */
export type Names = Readonly<Record<keyof DynamodbAttributes, string>>;

const defaults: Names = {
  partition: "pk",
  sort: "sk",
  payload: "payload",
  expiresAt: "expiresAt",
  version: "version",
  subject: "subject",
  ttl: "ttl",
};

/** The names of the attributes, checked. */
export function namesOf(attributes: DynamodbAttributes = {}): Names {
  if (typeof attributes !== "object" || attributes === null) throw wrongArgument("attributes", "an object", attributes);
  const all: Record<string, string> = { ...defaults };
  for (const [which, name] of Object.entries(attributes)) {
    if (name === undefined) continue;
    if (!(which in defaults))
      throw new TypeError(`attributes has no field ${which}: it names ${Object.keys(defaults).join(", ")}`);
    if (typeof name !== "string" || name === "") throw wrongArgument(`attributes.${which}`, "non-empty text", name);
    all[which] = name;
  }
  if (new Set(Object.values(all)).size < Object.keys(defaults).length) {
    throw new TypeError("attributes must name every attribute differently; received the same name twice");
  }
  return all as Names;
}
