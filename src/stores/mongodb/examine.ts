/** Looks at how a collection is set up for sessions: its indexes, and the server's clock. Changes nothing. */

import type { Finding } from "../../core/contracts/store.ts";
import { asked, clockFinding, fault, good, note } from "../shared/findings.ts";
import type { MongodbCollection } from "./collection.ts";
import { indexesFor, indexesOf, serves } from "./indexes.ts";
import type { Fields } from "./layout.ts";

/** What there is to say. */
export async function examine(collection: MongodbCollection, fields: Fields, now: () => number): Promise<Finding[]> {
  const indexes = await asked("indexes", async () => {
    const there = await indexesOf(collection);
    return indexesFor(fields).map((wanted) => {
      const exists = there.some((one) => serves(one, wanted));
      return indexFinding(Object.keys(wanted.key).join(), wanted, exists);
    });
  });
  const clock = await asked("clock", async () => {
    const before = now();
    // An empty collection does not tell the time.
    for await (const { at } of collection.find({}, { projection: { _id: 0, at: "$$NOW" }, limit: 1 }))
      return [clockFinding((at as Date).getTime(), before, now(), "server")];
    return [];
  });
  return [...indexes, ...clock];
}

function indexFinding(field: string, wanted: ReturnType<typeof indexesFor>[number], exists: boolean): Finding {
  const isTtl = wanted["expireAfterSeconds"] === 0;
  const about = isTtl ? `TTL index on ${field}` : `${wanted["unique"] === true ? "unique " : ""}index on ${field}`;
  const cure = "sojourn setup, or run what mongodbSchema() prints";
  if (exists) return good(about, "there");
  if (isTtl) return fault(about, "missing: sessions that have ended stay for ever", cure);
  if (wanted["unique"] === true) return fault(about, "missing: no session can be created", cure);
  return note(about, "missing: listing and revoking a user's sessions read the whole collection", cure);
}
