/** Runs the statements of an ORM's migration, of which another process may have run some. */
export async function migrate(run: (statement: string) => Promise<unknown>, statements: string[]): Promise<void> {
  for (const statement of statements) {
    await run(statement).catch((error: Error) => {
      const said = `${error.message} ${(error.cause as Error | undefined)?.message}`;
      if (!/already exists|duplicate key/i.test(said)) throw error;
    });
  }
}
