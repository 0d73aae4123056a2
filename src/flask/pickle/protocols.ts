/** The protocols of pickle: which one to write in. */

/** The newest protocol that is written: every Python that is in use reads it, 3.7 and older no later one. */
export const newestProtocol = 4;

/** The protocol in which to write in the place of a pickle: never a later one than it has, for the writer can read that one. */
export function protocolOf(pickle: Uint8Array): number {
  const [first, protocol = 0] = pickle;
  if (first === 0x80) return Math.min(protocol, newestProtocol);
  // The empty dict of protocol 1 has an opcode of its own.
  return first === 0x7d ? 1 : 0;
}
