/** What a run of the command knows: its environment and its options. */

import type { Terminal } from "./terminal.ts";

/** Where the command runs. */
export interface Environment extends Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** The options of all commands. */
export interface Settings {
  readonly from?: string | undefined;
  readonly prefix?: string | undefined;
  readonly records?: "flask" | "native" | undefined;
  readonly batch: number;
  readonly json: boolean;
}
