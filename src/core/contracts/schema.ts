/** Standard Schema (standardschema.dev) by shape: zod, valibot, arktype and others check what is loaded. */

/** A schema of any library that follows Standard Schema 1, reduced to what is used here. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What a schema answers. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/**
 * The result of a schema for data that was read: its output, and beside it the keys it does not mention, so that a
 * node with an older schema does not remove what a newer one added. `null` when it refuses the data.
 */
export async function applySchema(
  schema: StandardSchema,
  data: Record<string, unknown>,
): Promise<Record<string, unknown> | null> {
  const result = await schema["~standard"].validate({ ...data });
  return result.issues ? null : { ...data, ...(result.value as object) };
}
