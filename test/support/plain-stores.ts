/** The suites over a store that has no compare-and-swap: as it claims to be, and as it is within one process. */

import { expect } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import type { StoreHarness } from "../../src/testing/index.ts";
import { describeStore } from "./store-tests.ts";
import { withinOneProcess } from "./workers/one-process.ts";

/** Registers the store suite twice. `close` gets the store that `open` gave. */
export function describePlainStore(harness: StoreHarness): void {
  describeStore(harness);
  const inner = new Map<Store, Store>();
  describeStore({
    ...harness,
    name: `${harness.name}, within one process`,
    sample: withinOneProcess(harness.sample),
    async open(options) {
      const store = await harness.open(options);
      const outer = withinOneProcess(store);
      inner.set(outer, store);
      return outer;
    },
    close: (outer) => harness.close?.(inner.get(outer) as Store),
  });
}

/** A way to stop one call in its tracks, as if its process were slow just there. */
export class Gate {
  #arrived = () => {};
  #open = () => {};
  readonly arrived: Promise<void> = new Promise((resolve) => {
    this.#arrived = resolve;
  });
  readonly opened: Promise<void> = new Promise((resolve) => {
    this.#open = resolve;
  });

  /** Called by what is to be stopped. */
  async pass(): Promise<void> {
    this.#arrived();
    await this.opened;
  }

  open(): void {
    this.#open();
  }
}

const record = (payload: string) => ({ payload, expiresAt: Date.now() + 60_000 });

/**
 * What two processes can do to each other, shown on purpose: `slow` stops at the gate before it writes, and `other`
 * reaches the same records by a way of its own.
 */
export async function showsLostUpdate(slow: Store, gate: Gate, other: Store): Promise<void> {
  const version = await other.create("k", record("one"));
  const first = slow.update("k", record("slow"), version!);
  await gate.arrived;
  expect(await other.update("k", record("fast"), version!)).not.toBeNull();
  gate.open();
  expect(await first).not.toBeNull();
  expect((await other.read("k"))?.payload).toBe("slow");
}

/** The same with a deletion: the slow write brings the record back. */
export async function showsResurrection(slow: Store, gate: Gate, other: Store): Promise<void> {
  const version = await other.create("k", record("one"));
  const write = slow.update("k", record("slow"), version!);
  await gate.arrived;
  await other.delete("k");
  expect(await other.read("k")).toBeNull();
  gate.open();
  await write;
  expect((await other.read("k"))?.payload).toBe("slow");
}
