/** A process of another user of this machine, which calls the file store as it is told. */

import { fileStore } from "../../src/stores/file.ts";

/** One call in that process. */
export interface UserCall {
  readonly method: "create" | "read" | "list" | "touch";
  readonly directory: string;
}

process.umask(0);
const stores = new Map<string, ReturnType<typeof fileStore>>();

process.on("message", async ({ method, directory }: UserCall) => {
  const store = stores.get(directory) ?? fileStore({ directory });
  stores.set(directory, store);
  const expiresAt = Date.now() + 3_600_000;
  const subject = `user ${process.geteuid?.()}`;
  const calls = {
    create: () => store.create("k", { payload: "", subject, expiresAt }).then((version) => version !== null),
    read: () => store.read("k").then((record) => record?.subject ?? null),
    list: async () => {
      for await (const { subject } of store.listBySubject("user 65534")) return subject;
      return null;
    },
    touch: () => store.touch("k", expiresAt + 1000),
  };
  process.send?.(await calls[method]().catch((error: Error) => `refused: ${error.message}`));
});
