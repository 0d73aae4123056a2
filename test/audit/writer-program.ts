/** A process that writes an audit of real logins and logouts, and says on its output which lines are done. */

import { writeSync } from "node:fs";
import { createSessions } from "sojourn";
import { sessionAudit } from "sojourn/audit";
import { auditFile } from "sojourn/audit/file";
import { memoryStore } from "sojourn/stores/memory";
import { visitor } from "../observe/visitor.ts";

const [path = "", name = "", count = "", maxBytes = "10000000"] = process.argv.slice(2);
const sessions = createSessions({ store: memoryStore(), warn: false });
const audit = sessionAudit(sessions, {
  to: auditFile({ path, maxBytes: Number(maxBytes) }),
  details: () => ({ name }),
});
const visit = visitor(sessions);
for (let at = 0; at < Number(count); at++) {
  await visit((session) => session.login(`user-${at}`), "");
  writeSync(1, `${at}\n`);
  audit.record({ type: "noted", subject: `user-${at}` });
  // So that processes that write at the same time take turns.
  if (at % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
}
