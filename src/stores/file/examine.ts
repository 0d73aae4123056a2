/** Looks at where the file store keeps sessions: the file system and its room. Changes nothing. */

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Finding } from "../../core/contracts/store.ts";
import { fault, good, note } from "../shared/findings.ts";
import { codeOf } from "./steps.ts";

/** What there is to say. A directory that is not there yet is on the file system of the one above it. */
export async function examine(directory: string): Promise<Finding[]> {
  const found = await statfs(directory).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT" || dirname(directory) === directory) throw error;
  });
  if (!found) return examine(dirname(directory));
  const { type, bavail, blocks, ffree, files } = found;
  const network = networks.get(type);
  const kind = network
    ? fault(
        "file system",
        `${network}: two machines can both win a write`,
        "Name a directory on a disk of this machine",
      )
    : good("file system", "of this machine");
  return [kind, roomFinding("disk space", bavail, blocks), roomFinding("inodes", ffree, files)];
}

/** `statfs(2)` tells them by these numbers. */
const networks: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x65735546, "FUSE, perhaps a network file system"],
]);

/** Below this part of the whole there is little left. */
const little = 0.05;

function roomFinding(about: string, left: number, all: number): Finding {
  // Some file systems have no table of inodes.
  if (all === 0) return good(about, "no limit");
  const found = `${Math.floor((left / all) * 100)} % free`;
  return left / all > little ? good(about, found) : note(about, found, "Free some: a full disk refuses every write");
}
