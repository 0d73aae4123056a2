/** For the tests of moving: the store in files that `MOVING_FILES` names. */

import { fileStore } from "../../../src/stores/file.ts";

export const store = fileStore({ directory: String(process.env.MOVING_FILES) });
export const close = (): void => {};
