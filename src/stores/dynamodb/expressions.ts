/** Conditions and the like in DynamoDB's language, with words instead of names and values. */

import type { Condition, Expression, Item, Value } from "./client.ts";

/** Expressions over the attributes of one table. */
export interface Expressions {
  /** What the words of a text stand for: `#field` a name, `:value` a value. `:now` is there always. */
  words(text: string, values?: Item): Expression;
  /** A condition of a write, which tells what was in the way. `also` is another text with words. */
  when(text: string, values?: Item, also?: string): Condition & { readonly ConditionExpression: string };
}

export function number(value: number): Value {
  return { N: String(value) };
}

/** `names` by field; `now` as the attributes of time have it. */
export function expressionsOf(names: Readonly<Record<string, string>>, now: () => number): Expressions {
  const fields = Object.entries(names).map(([field, name]): [string, string] => [`#${field}`, name]);
  const words: Expressions["words"] = (text, values = {}) => {
    // DynamoDB refuses what is not used.
    const used = new Set(text.match(/[#:]\w+/g));
    const isUsed = ([word]: [string, unknown]): boolean => used.has(word);
    const given = Object.entries({ ":now": number(now()), ...values }).filter(isUsed);
    return {
      ExpressionAttributeNames: Object.fromEntries(fields.filter(isUsed)),
      ...(given.length > 0 && { ExpressionAttributeValues: Object.fromEntries(given) }),
    };
  };
  return {
    words,
    when: (text, values, also = "") => ({
      ConditionExpression: text,
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      ...words(`${text} ${also}`, values),
    }),
  };
}
