/** What two stores can do together. */

import type { Store, StoreCapabilities } from "../../core/contracts/store.ts";

/** How many bytes the mark adds to a copy that is not valid yet. */
const mark = 15;

/** The capabilities that both stores have. */
export function capabilitiesOf({ capabilities: from }: Store, { capabilities: to }: Store): StoreCapabilities {
  const most = [from.maxPayloadBytes, to.maxPayloadBytes].filter((most) => most !== undefined);
  return {
    compareAndSwap: "atomic",
    nativeExpiry: from.nativeExpiry && to.nativeExpiry,
    expiryGranularity: Math.max(from.expiryGranularity, to.expiryGranularity),
    clock: from.clock === "server" || to.clock === "server" ? "server" : "ours",
    atomicRename: from.atomicRename && to.atomicRename,
    list: from.list && to.list,
    bySubject: from.bySubject && to.bySubject,
    pages: from.pages === true && to.pages === true,
    count: counts(from.count, to.count),
    shared: from.shared && to.shared,
    maxPayloadBytes: most.length > 0 ? Math.min(...most) - mark : undefined,
  };
}

function counts(...two: StoreCapabilities["count"][]): StoreCapabilities["count"] {
  if (two.some((one) => one === undefined || one === "none")) return "none";
  return two.includes("estimate") ? "estimate" : "exact";
}
