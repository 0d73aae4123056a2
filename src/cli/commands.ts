/** Every command, in the order of the help. */

import { auditCommand } from "./audit.ts";
import { cleanupCommand } from "./cleanup.ts";
import type { Command } from "./command.ts";
import { completionCommand } from "./completion.ts";
import { countCommand } from "./count.ts";
import { doctorCommand } from "./doctor.ts";
import { listCommand } from "./list.ts";
import { moveCommand } from "./move.ts";
import { revokeCommand } from "./revoke.ts";
import { secretsCommand } from "./secrets.ts";
import { setupCommand } from "./setup.ts";
import { showCommand } from "./show.ts";
import { configCommand } from "./show-config.ts";

export const commands: readonly Command[] = [
  listCommand,
  showCommand,
  revokeCommand,
  countCommand,
  doctorCommand,
  cleanupCommand,
  setupCommand,
  configCommand,
  moveCommand,
  secretsCommand,
  auditCommand,
  completionCommand,
];
