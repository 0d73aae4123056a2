/** Names for spaces of records. */

let spaces = 0;

/** A name no other run has used, in case records outlive their run: a letter and at most 12 letters and digits. */
export function newSpace(): string {
  spaces += 1;
  const noise = Math.floor(Math.random() * 36 ** 8).toString(36);
  return `s${noise.padStart(8, "0")}${(spaces % 36 ** 4).toString(36)}`;
}
