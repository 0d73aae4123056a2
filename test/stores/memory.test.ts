/** The memory store passes the store suite, and what only it has. */

import { memoryStore } from "../../src/stores/memory.ts";
import { describeStore } from "../support/store-tests.ts";

describeStore({ name: "memory", sample: memoryStore(), open: ({ now }) => memoryStore({ now }) });
