/** `defineParts`: parts whose fields the compiler has checked against the data. */

import type { PartOptions } from "./options.ts";

type Key<Data> = keyof Data & string;

/** The keys that a part names; `"rest"` names none. */
type Named<Data, Fields> = Fields extends readonly (infer Listed)[]
  ? Listed
  : Fields extends { readonly include: readonly (infer Included)[]; readonly exclude: readonly (infer Excluded)[] }
    ? Exclude<Included, Excluded>
    : Fields extends { readonly include: readonly (infer Included)[] }
      ? Included
      : Fields extends { readonly exclude: readonly (infer Excluded)[] }
        ? Exclude<Key<Data>, Excluded>
        : never;

type FieldsOf<Parts, Name> = Name extends keyof Parts
  ? Parts[Name] extends { readonly fields: infer Fields }
    ? Fields
    : never
  : never;

/** The names of the parts that take the rest. */
type Resting<Parts> = { [Name in keyof Parts]: FieldsOf<Parts, Name> extends "rest" ? Name : never }[keyof Parts];

/** Keys of a part that another takes, too. */
type Shared<Data, Parts, Name extends keyof Parts> = Named<Data, FieldsOf<Parts, Name>> &
  Named<Data, FieldsOf<Parts, Exclude<keyof Parts, Name>>>;

type Missing<Data, Parts> = [Resting<Parts>] extends [never]
  ? Exclude<Key<Data>, Named<Data, FieldsOf<Parts, keyof Parts>>>
  : never;

/** What is wrong with a part, as the type that its fields would have to have. */
type Checked<Data, Parts> = {
  readonly [Name in keyof Parts]: [Shared<Data, Parts, Name>] extends [never]
    ? FieldsOf<Parts, Name> extends "rest"
      ? [Exclude<Resting<Parts>, Name>] extends [never]
        ? unknown
        : { readonly fields: "another part takes the rest already" }
      : [Missing<Data, Parts>] extends [never]
        ? unknown
        : { readonly fields: `no part takes the key "${Missing<Data, Parts> & string}"` }
    : { readonly fields: `another part takes the key "${Shared<Data, Parts, Name> & string}" too` };
};

/** Parts that were checked: what `createPartsSessions({ parts })` learns the names from. */
export type DefinedParts<Data extends object, Name extends string> = Readonly<Record<Name, PartOptions<Data>>>;

/**
 * Lets the compiler check the parts of a session: that every key of the data belongs to exactly one part. If you
 * pass the parts to `createSessions` as they are, the same errors are thrown when it runs. It is called twice, because
 * TypeScript cannot take one type argument and infer another.
 *
 * @typeParam Data The shape of `session.data`.
 * @example
 * ```ts
 * import { createPartsSessions, defineParts } from "sojourn/parts";
 * import { memoryStore } from "sojourn/stores/memory";
 *
 * interface Data { user: string; theme: string }
 *
 * const store = memoryStore();
 * const parts = defineParts<Data>()({
 *   login: { fields: ["user"], store, idleTimeout: "30m" },
 *   rest: { fields: "rest", store, cookie: { name: "rest" }, idleTimeout: "30d", absoluteTimeout: false, persistent: true },
 * });
 * const sessions = createPartsSessions<Data, keyof typeof parts>({ parts });
 * ```
 */
export function defineParts<Data extends object>(): <const Defined extends Readonly<Record<string, PartOptions<Data>>>>(
  parts: Defined & Checked<Data, Defined>,
) => DefinedParts<Data, keyof Defined & string> {
  return (parts) => parts as never;
}
