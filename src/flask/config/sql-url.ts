/** SQLAlchemy's URLs: `dialect+driver://user:password@host:port/database`. */

/** What a URL says. */
export interface SqlUrl {
  readonly dialect: "postgres" | "mysql" | "sqlite";
  /** As drivers take it: a URL, or for SQLite the path of the file. */
  readonly at: string;
}

const dialects: Readonly<Record<string, SqlUrl["dialect"]>> = {
  postgresql: "postgres",
  postgres: "postgres",
  mysql: "mysql",
  mariadb: "mysql",
  sqlite: "sqlite",
};

/** `undefined` when it is none, or of a database that no store here is for. */
export function sqlUrl(url: string): SqlUrl | undefined {
  const [, name = "", rest = ""] = /^([a-z0-9]+)(?:\+[a-z0-9_]+)?:\/\/(.*)$/is.exec(url) ?? [];
  const dialect = dialects[name.toLowerCase()];
  if (dialect === undefined) return undefined;
  // sqlite:///relative, sqlite:////absolute, sqlite:// in memory.
  if (dialect === "sqlite") return { dialect, at: rest.replace(/\?.*$/s, "").replace(/^\//, "") || ":memory:" };
  const at = `${dialect === "postgres" ? "postgresql" : "mysql"}://${rest}`;
  return URL.canParse(at) ? { dialect, at } : undefined;
}
