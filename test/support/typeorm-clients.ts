/** TypeORM DataSources of every type the store works with, their tables made by TypeORM's own migrations. Also what every process of the process suite imports. */

import { join } from "node:path";
import { DataSource, EntitySchema } from "typeorm";
import type { Store } from "../../src/core/contracts/store.ts";
import type { SqlDialect } from "../../src/stores/sql.ts";
import { type TypeormDataSource, typeormStore } from "../../src/stores/typeorm.ts";
import type { OpenOptions, ProcessHarness, StoreHarness } from "../../src/testing/index.ts";
import { migrate } from "./orm-servers.ts";
import type { Place } from "./sql-clients.ts";

/** A session as the application's own code would see it. */
export interface SessionRow {
  key: string | Uint8Array;
  payload: Uint8Array;
  kind: number;
  expiresAt: string;
  subject: string | Uint8Array | null;
  version: string;
}

/** The entities of docs/stores/typeorm.md, under any name of the table. */
export const typeormEntities = {
  postgres: (tableName: string) =>
    new EntitySchema<SessionRow>({
      name: "Session",
      tableName,
      columns: {
        key: { name: "session_key", type: "varchar", length: 255, primary: true },
        payload: { type: "bytea" },
        kind: { type: "smallint" },
        expiresAt: { name: "expires_at", type: "bigint" },
        subject: { type: "text", nullable: true },
        version: { type: "bigint" },
      },
      indices: [{ columns: ["expiresAt"] }, { columns: ["subject"] }],
    }),
  mysql: (tableName: string) =>
    new EntitySchema<SessionRow>({
      name: "Session",
      tableName,
      columns: {
        key: { name: "session_key", type: "varbinary", length: 255, primary: true },
        payload: { type: "longblob" },
        kind: { type: "tinyint" },
        expiresAt: { name: "expires_at", type: "bigint" },
        subject: { type: "varbinary", length: 1024, nullable: true },
        version: { type: "bigint" },
      },
      indices: [{ columns: ["expiresAt"] }, { columns: ["subject"] }],
    }),
  sqlite: (tableName: string) =>
    new EntitySchema<SessionRow>({
      name: "Session",
      tableName,
      columns: {
        key: { name: "session_key", type: "text", primary: true },
        payload: { type: "blob" },
        kind: { type: "integer" },
        expiresAt: { name: "expires_at", type: "integer" },
        subject: { type: "text", nullable: true },
        version: { type: "integer" },
      },
      indices: [{ columns: ["expiresAt"] }, { columns: ["subject"] }],
    }),
} satisfies Record<SqlDialect, (tableName: string) => EntitySchema<SessionRow>>;

const most = 10;

/** How each DataSource is made, by the name it goes by in titles. A place that is a path is a SQLite file. */
export const typeorms = {
  postgres: (place: Place, entity: EntitySchema): DataSource => {
    const { host, port, user, database } = server(place);
    const extra = { max: most };
    return new DataSource({ type: "postgres", host, port, username: user, database, extra, entities: [entity] });
  },
  mariadb: (place: Place, entity: EntitySchema): DataSource => {
    const { host, port, user, database } = server(place);
    const extra = { connectionLimit: most };
    return new DataSource({ type: "mariadb", host, port, username: user, database, extra, entities: [entity] });
  },
  "better-sqlite3": (place: Place, entity: EntitySchema): DataSource => {
    if (typeof place !== "string") throw new Error("this DataSource wants a file");
    const prepareDatabase = (db: { pragma(text: string): unknown }): void => void db.pragma("synchronous = OFF");
    return new DataSource({
      type: "better-sqlite3",
      database: place,
      enableWAL: true,
      prepareDatabase,
      entities: [entity],
    });
  },
};

type TypeormType = keyof typeof typeorms;
const dialects = { postgres: "postgres", mariadb: "mysql", "better-sqlite3": "sqlite" } as const;

function server(place: Place): Exclude<Place, string> {
  if (typeof place === "string") throw new Error("this DataSource wants a server");
  return place;
}

/** What `typeorm migration:generate` would write now. */
export async function migrationOf(dataSource: DataSource): Promise<string[]> {
  const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
  return upQueries.map(({ query }) => query);
}

interface Args {
  readonly type: TypeormType;
  readonly place: Place;
}

const opened = new Map<Store, DataSource>();

/** Opens a store on a table of the space's own, or in a file of its own. */
export async function open({ space, now }: OpenOptions, args: unknown): Promise<Store> {
  const { type, place } = args as Args;
  const entity = typeormEntities[dialects[type]](space);
  const dataSource = typeorms[type](typeof place === "string" ? join(place, `${space}.db`) : place, entity);
  const store = typeormStore({ dataSource, entity, now });
  opened.set(store, dataSource);
  await dataSource.initialize();
  await migrate((statement) => dataSource.query(statement), await migrationOf(dataSource));
  await store.setup?.();
  return store;
}

export async function close(store: Store): Promise<void> {
  await opened.get(store)?.destroy();
}

/** A store that is only looked at: its database is never reached. */
function sample(type: TypeormType): Store {
  const dataSource = (): Promise<TypeormDataSource> => Promise.reject(new Error("only a sample"));
  return typeormStore({ dataSource, entity: "Session", dialect: dialects[type] });
}

/** The suite over one type of DataSource. `place` is asked when the cases run. */
export function typeormHarness(type: TypeormType, place: () => Place): StoreHarness {
  return { name: type, sample: sample(type), open: (options) => open(options, { type, place: place() }), close };
}

/** The process suite over one type of DataSource. */
export function typeormProcesses(type: TypeormType, place: () => Place): ProcessHarness {
  const args = {
    type,
    get place() {
      const where = place();
      if (typeof where === "string") return where;
      const { host, port, user, database } = where;
      return { host, port, user, database };
    },
  };
  return { name: type, sample: sample(type), module: new URL(import.meta.url), args };
}
