/** Transactions of Datastore: run again where another was in the way. */

import type { DatastoreClient, DatastoreTransaction } from "./client.ts";

/** What is done in a transaction. */
export type Work<Answer> = (
  transaction: DatastoreTransaction,
  own: DatastoreClient,
) => Promise<Answer | Commit<Answer>>;

/** Returned by {@link Work} to commit its transaction, with the result for the caller. */
export class Commit<Answer> {
  readonly answer: Answer;
  constructor(answer: Answer) {
    this.answer = answer;
  }
}

/** Makes {@link inTransaction} commit and return `answer`. If the work returns anything else, the transaction is rolled back. */
export function commit<Answer>(answer: Answer): Commit<Answer> {
  return new Commit(answer);
}

/** Runs `work` in a transaction, again where another was in the way, a little later each time, for a few seconds. */
export async function inTransaction<Answer>(own: DatastoreClient, work: Work<Answer>): Promise<Answer> {
  for (let pause = 8; ; pause *= 2) {
    const transaction = own.transaction();
    try {
      // Version 11 of the client could begin with the first read; its emulator in Datastore mode never grants the locks then.
      await transaction.run();
      const answer = await work(transaction, own);
      if (answer instanceof Commit) {
        await transaction.commit();
        return answer.answer;
      }
      await release(transaction);
      return answer;
    } catch (error) {
      await release(transaction);
      if (codeOf(error) !== aborted || pause > 2048) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
  }
}

/** It holds locks until it is ended, if it began at all. */
async function release(transaction: DatastoreTransaction): Promise<void> {
  await transaction.rollback().catch(() => {});
}

const aborted = 10;

/** What gRPC says went wrong. */
export function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
