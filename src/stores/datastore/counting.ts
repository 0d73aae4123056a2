/** Counts the entities of a query. */

import { type DatastoreClient, type DatastoreQuery, strongly } from "./client.ts";
import { codeOf } from "./transaction.ts";

const countSize = 1000;
/** The older emulator does not count. */
const unimplemented = 12;

/** How many entities a query finds: by the server, or by walking over their keys where it does not count. */
export async function countEntities(
  own: DatastoreClient,
  query: () => DatastoreQuery,
  answered?: () => void,
): Promise<number> {
  if (own.createAggregationQuery && own.runAggregationQuery) {
    const counting = own.createAggregationQuery(query()).count("all");
    const counted = await own.runAggregationQuery(counting).catch((error: unknown) => {
      if (codeOf(error) !== unimplemented) throw error;
    });
    if (counted) return Number(counted[0][0]?.all);
  }
  let count = 0;
  for (let cursor: string | undefined; ; ) {
    const some = query().select("__key__").limit(countSize);
    const [entities, { endCursor }] = await own.runQuery(cursor === undefined ? some : some.start(cursor), strongly);
    answered?.();
    count += entities.length;
    if (entities.length < countSize || endCursor === undefined) return count;
    cursor = endCursor;
  }
}
