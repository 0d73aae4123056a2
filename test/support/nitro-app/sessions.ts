/** Sessions in memory, for the tests of Nitro's caches. */

import { createSessions } from "sojourn";
import { memoryStore } from "sojourn/stores/memory";

export const sessions = createSessions<{ name: string }>({
  store: memoryStore(),
  warn: () => {},
  cookie: { secure: false },
});
