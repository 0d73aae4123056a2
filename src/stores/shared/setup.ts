/** What a `setup()` could not create though sessions work without it, such as an index. */

const name = "SetupIncomplete";

/** The rejection of a `setup()` that is for a log: the store can be used. Its message says what to run, and as whom. */
export function setupIncomplete(message: string, cause: unknown): Error {
  return Object.assign(new Error(message, { cause }), { name });
}

/** Whether a `setup()` rejected with no more than that. */
export function isSetupIncomplete(error: unknown): error is Error {
  return typeof error === "object" && error !== null && (error as { name?: unknown }).name === name;
}
