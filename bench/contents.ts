/** The data of every session in the benchmarks: about 1 KB as JSON. */

export const contents = {
  user: { id: 42, name: "Ann Example", roles: ["admin", "editor"] },
  visits: 12,
  cart: Array.from({ length: 12 }, (_, at) => ({
    article: `A-${1000 + at}`,
    count: at + 1,
    note: "gift wrapped, please",
  })),
  seen: Array.from({ length: 20 }, (_, at) => at * 7),
};

/** What a session holds. */
export type Contents = typeof contents;
