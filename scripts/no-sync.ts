/**
 * A library that answers `fsync` at once. No test cuts the power, and most servers spend half their time waiting for the
 * disk. Where it is absent, the tests only take longer.
 */

import { globSync } from "node:fs";

/** The Debian package that brings it. */
export const noSyncPackage = "libeatmydata1";

/** Its path for `LD_PRELOAD`, or `undefined` when it is not installed. */
export function findNoSync(): string | undefined {
  return globSync("/usr/lib/*-linux-gnu/libeatmydata.so")[0];
}
