/** A signature as a page shows it: in one line, or a line for each parameter. */

/** The longest line, in characters: what fits on the page. */
const width = 80;

export function inLines(signature: string): string {
  const line = signature
    .replace(/\s+/g, " ")
    .replace(/([(<]) /g, "$1")
    .replace(/,? ([)>])/g, (whole, close: string, at: number, all: string) => (all[at - 1] === "=" ? whole : close));
  const depths = depthsOf(line);
  // The first bracket that is not among the type parameters.
  const open = depths.findIndex((depth, at) => depth === 1 && line[at] === "(");
  const close = depths.findIndex((depth, at) => depth === 0 && at > open);
  if (line.length <= width || open === -1 || close === open + 1) return line;
  const commas = depths.flatMap((depth, at) =>
    depth === 1 && line[at] === "," && at > open && at < close ? [at] : [],
  );
  const parameters = [open, ...commas].map((start, index) => line.slice(start + 1, commas[index] ?? close).trim());
  return `${line.slice(0, open + 1)}\n${parameters.map((one) => `  ${one},\n`).join("")}${line.slice(close)}`;
}

/** How many brackets are open after each character; an arrow closes none. */
function depthsOf(line: string): number[] {
  let depth = 0;
  return [...line].map((character, at) => {
    if ("([{<".includes(character)) depth += 1;
    else if (")]}".includes(character) || (character === ">" && line[at - 1] !== "=")) depth -= 1;
    return depth;
  });
}
