/** The TypeORM store's options: which entities and DataSources it takes, which names it follows, and beside what it works. */

import type BetterSqlite3 from "better-sqlite3";
import {
  Column,
  DataSource,
  type DataSourceOptions,
  DefaultNamingStrategy,
  Entity,
  EntitySchema,
  type Logger,
  PrimaryColumn,
} from "typeorm";
import { afterEach, describe, expect, test } from "vitest";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import { type TypeormStoreOptions, typeormStore } from "../../src/stores/typeorm.ts";
import { docModule } from "../support/doc-module.ts";
import { clientVersion, reportBackend } from "../support/report.ts";
import { everyCall } from "../support/sql-statements.ts";
import { migrationOf, type SessionRow, typeormEntities } from "../support/typeorm-clients.ts";

reportBackend({
  backend: "typeorm (SQLite)",
  server: "SQLite (in this process)",
  clients: [clientVersion("typeorm"), clientVersion("better-sqlite3")],
});

const record = (payload: string, subject?: string): StoreRecord => {
  return { payload, expiresAt: Date.now() + 600_000, subject };
};
const wrong = (options: unknown) => (): Store => typeormStore(options as TypeormStoreOptions);
const opened: DataSource[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) if (one.isInitialized) await one.destroy();
});

type Entities = NonNullable<DataSourceOptions["entities"]>;
function memory(entities: Entities, more: object = {}): DataSource {
  const dataSource = new DataSource({ type: "better-sqlite3", database: ":memory:", entities, ...more });
  opened.push(dataSource);
  return dataSource;
}
async function migrated(entities: Entities, more: object = {}): Promise<DataSource> {
  const dataSource = await memory(entities, more).initialize();
  for (const statement of await migrationOf(dataSource)) await dataSource.query(statement);
  return dataSource;
}
const plain = typeormEntities.sqlite("sojourn_sessions");
const withColumns = (columns: object): EntitySchema => {
  const all = { ...plain.options.columns, ...columns };
  const named = Object.entries(all).filter(([, column]) => column !== undefined);
  return new EntitySchema({ name: "Session", tableName: "s", columns: Object.fromEntries(named) as never });
};

/** What decorators make of a class. They are called here, as the sources are not compiled with them. */
class Login {}
Entity("logins")(Login);
PrimaryColumn("text")(Login.prototype, "key");
Column("blob")(Login.prototype, "payload");
Column("integer")(Login.prototype, "kind");
Column("integer", { name: "ends" })(Login.prototype, "expiresAt");
Column("text", { nullable: true, name: "user" })(Login.prototype, "subject");
Column("integer", { name: "order" })(Login.prototype, "version");

describe("the entity in the documentation", () => {
  test.each([
    ["postgres", "bytea"],
    ["mysql", "longblob"],
    ["sqlite", '"blob"'],
  ] as const)("for %s is the one that the whole suite runs on", async (dialect, type) => {
    const { SessionEntity } = await docModule("docs/stores/typeorm.md", type);
    expect((SessionEntity as EntitySchema).options).toEqual(typeormEntities[dialect]("sojourn_sessions").options);
  });

  test("leaves nothing to migrate once its migration has run", async () => {
    expect(await migrationOf(await migrated([plain]))).toEqual([]);
  });
});

describe("an entity", () => {
  test.each<[string, object, string]>([
    ["without a subject", { subject: undefined }, "version; there is no subject"],
    ["with text for bytes", { payload: { type: "text" } }, "payload must be of type blob; it is text"],
    ["with a second primary key", { tenant: { type: "text", primary: true } }, "key must be the primary key, alone"],
    ["that gives everybody a subject", { subject: { type: "text" } }, "subject must be nullable"],
    ["that wants more", { ip: { type: "text" } }, "ip must be nullable or have a default in the database"],
    ["whose key is too short", { key: { type: "varchar", length: 64, primary: true } }, "key must hold 200 characters"],
    ["with a column name that is more", { kind: { name: 'k"', type: "integer" } }, "columns.kind must be a name"],
  ])("%s is refused", async (_, columns, said) => {
    const entity = withColumns(columns);
    const dataSource = memory([entity]);
    const early = typeormStore({ dataSource, entity });
    await dataSource.initialize();
    expect(wrong({ dataSource, entity })).toThrow(TypeError);
    expect(wrong({ dataSource, entity })).toThrow(said);
    await expect(early.read("a")).rejects.toThrow(said);
  });

  test("that is not the DataSource's, or no entity, is refused", async () => {
    const dataSource = await memory([plain]).initialize();
    expect(wrong({ dataSource, entity: "Nothing" })).toThrow('No metadata for "Nothing" was found');
    expect(wrong({ dataSource })).toThrow("entity must be an entity of the DataSource");
  });

  test("may have columns of the application, which a save leaves alone", async () => {
    const entity = withColumns({
      ip: { type: "text", nullable: true },
      seen: { type: "integer", default: 7 },
      all: { type: "integer", virtualProperty: true, query: () => "SELECT 1" },
    });
    const dataSource = await migrated([entity]);
    const store = typeormStore({ dataSource, entity: "Session" });
    const version = await store.create("a", record("1"));
    await dataSource.getRepository(entity).update("a", { ip: "::1" });
    await store.update("a", record("2", "ada"), version!);
    expect(await dataSource.getRepository(entity).find()).toMatchObject([
      { key: "a", subject: "ada", ip: "::1", seen: 7 },
    ]);
  });

  test("may have any name: a prefix, and names by the naming strategy", async () => {
    class Shouting extends DefaultNamingStrategy {
      override columnName(property: string, custom: string | undefined): string {
        return (custom ?? property).toUpperCase();
      }
    }
    const dataSource = await migrated([plain], { entityPrefix: "web_", namingStrategy: new Shouting() });
    const store = typeormStore({ dataSource, entity: plain });
    await store.setup?.();
    await everyCall(store);
    await store.create("a", record("1"));
    expect(await dataSource.query("SELECT SESSION_KEY, KIND FROM web_sojourn_sessions")).toEqual([
      { SESSION_KEY: "a", KIND: 1 },
    ]);
  });

  test("may be a class with decorators", async () => {
    const dataSource = await migrated([Login]);
    const store = typeormStore({ dataSource, entity: Login });
    await store.setup?.();
    await everyCall(store);
    await store.create("a", record("1", "ada"));
    expect(await dataSource.getRepository(Login).findBy({ subject: "ada" } as object)).toMatchObject([
      { key: "a", kind: 1 },
    ]);
  });
});

describe("a DataSource", () => {
  const takes = "dataSource must be a DataSource of type postgres, mysql, mariadb, better-sqlite3";

  test.each<[string, unknown, string]>([
    ["nothing", undefined, "received undefined"],
    ["options", { type: "postgres" }, "received an object"],
    ["of a type of its own", new DataSource({ type: "mongodb" }), "received one of type mongodb"],
  ])("that is %s is refused", (_, dataSource, said) => {
    expect(wrong({ dataSource, entity: plain })).toThrow(TypeError);
    expect(wrong({ dataSource, entity: plain })).toThrow(takes);
    expect(wrong({ dataSource, entity: plain })).toThrow(said);
  });

  test("may be initialized after the store is created, but not after its first use", async () => {
    const dataSource = memory([plain]);
    const store = typeormStore({ dataSource, entity: plain });
    expect(store.capabilities).toMatchObject({ clock: "ours", shared: false });
    await expect(store.read("a")).rejects.toThrow("The DataSource is not initialized");
    await dataSource.initialize();
    await expect(store.setup?.()).rejects.toThrow("no such table: sojourn_sessions. Run your migrations.");
    for (const statement of await migrationOf(dataSource)) await dataSource.query(statement);
    await everyCall(store);
    expect(typeormStore({ dataSource, entity: plain }).capabilities).toEqual(store.capabilities);
  });

  test("may be a function, with a dialect, called once at the first call, and again only when it failed", async () => {
    const ready = await migrated([plain]);
    let asked = 0;
    const dataSource = async (): Promise<DataSource> => {
      asked += 1;
      if (asked === 1) throw new Error("not yet");
      return ready;
    };
    expect(wrong({ dataSource, entity: plain })).toThrow("dialect must be given when dataSource is a function");
    const store = typeormStore({ dataSource, entity: plain, dialect: "sqlite" });
    expect(asked).toBe(0);
    await expect(Promise.all([store.read("a"), store.read("a")])).rejects.toThrow("not yet");
    await Promise.all([store.read("a"), store.create("a", record("1")), store.read("a")]);
    expect(asked).toBe(2);
    const other = typeormStore({ dataSource: () => ready, entity: plain, dialect: "mysql" });
    await expect(other.read("a")).rejects.toThrow('dialect must be "sqlite" for this DataSource; received "mysql"');
    for (const given of [ready, memory([plain])]) {
      expect(wrong({ dataSource: given, entity: plain, dialect: "mysql" })).toThrow('dialect must be "sqlite"');
    }
  });

  test("logs no session, no subscriber sees one, and no error contains one", async () => {
    const seen: unknown[] = [];
    const see = (...all: unknown[]): void => void seen.push(all);
    const logger = { logQuery: see, logQueryError: see, logQuerySlow: see } as unknown as Logger;
    const dataSource = await memory([plain], { logger, logging: "all" }).initialize();
    dataSource.subscribers.push({ beforeQuery: see, afterQuery: see });
    seen.length = 0;
    const store = typeormStore({ dataSource, entity: plain });
    const error: Error = await store.create("secret-key", record("secret-payload", "secret-subject")).then(
      () => expect.unreachable("the table is absent"),
      (error) => error,
    );
    const { message, stack, ...fields } = error;
    expect(message).toBe("no such table: sojourn_sessions");
    expect(`${stack} ${JSON.stringify(fields)} ${String(error.cause)}`).not.toMatch(/secret/);
    expect(seen).toEqual([]);
    await dataSource.query("SELECT 1");
    expect(seen.length).toBeGreaterThan(0);
  });

  test("of SQLite in a transaction is waited for: a rollback undoes no session", async () => {
    const dataSource = await migrated([plain]);
    const store = typeormStore({ dataSource, entity: plain });
    let created: Promise<unknown> | undefined;
    const application = dataSource.transaction(async (manager) => {
      await manager.getRepository<SessionRow>(plain).find();
      created = store.create("a", record("1"));
      await manager.getRepository<SessionRow>(plain).find();
      const { inTransaction } = (await dataSource.createQueryRunner().connect()) as BetterSqlite3.Database;
      expect(inTransaction).toBe(true);
      throw new Error("rolled back");
    });
    await expect(application).rejects.toThrow("rolled back");
    expect(await created).not.toBeNull();
    expect(await store.read("a")).toMatchObject({ payload: "1" });
  });
});
