/** A table that a user's ORM knows: its names, once its columns can hold what the store keeps in them. */

import { isError } from "../../core/contracts/errors.ts";
import type { Store, StoreCapabilities } from "../../core/contracts/store.ts";
import type { Lazy } from "../shared/lazy.ts";
import { type DialectRules, isAbsent, isColumnAbsent, type SqlDialect } from "./dialect.ts";
import { nativePieces } from "./layout.ts";
import { columnsOf } from "./setup.ts";
import { type SqlStoreParts, storeOn } from "./store.ts";
import { columnNames, type SqlColumns, type SqlTable, tableOf } from "./table.ts";

/** A column as the ORM has it. */
export interface ModelColumn {
  /** Its name in the database. */
  readonly name: string;
  /** What the database calls its type, with length and collation where the ORM has them. */
  readonly type: string;
  /** It is the primary key, alone. */
  readonly primary: boolean;
  readonly nullable: boolean;
  /** An INSERT that leaves it out fails. */
  readonly required: boolean;
}

/** A table as the ORM has it. */
export interface Model {
  /** The option it was given as, for messages. */
  readonly option: string;
  readonly name: string;
  readonly schema: string | undefined;
  /** By the name of the property. */
  readonly columns: Readonly<Record<string, ModelColumn>>;
}

type Holds = Readonly<Record<keyof SqlColumns, readonly [takes: string, test: RegExp]>>;

const text = /^(text|varchar|character varying)\b/i;
const bigint = ["bigint", /^(bigint|int8)\b/i] as const;
const integer = ["integer", /^(big|small)?int(eger)?\b/i] as const;

/** The column types that hold a record: keys and subjects must compare byte by byte, bytes must stay bytes, and milliseconds must fit. */
const holds: Readonly<Record<SqlDialect, Holds>> = {
  postgres: {
    key: ["varchar(255)", text],
    payload: ["bytea", /^bytea\b/i],
    kind: ["smallint", /^(small|big)?int(eger|[248])?\b/i],
    expiresAt: bigint,
    subject: ["text", text],
    version: bigint,
  },
  mysql: {
    key: ["varbinary(255)", /^varbinary\b|^varchar\b.*_bin\b/i],
    payload: ["longblob", /^(long|medium)blob\b/i],
    kind: ["tinyint", /^(tiny|small|medium|big)?int\b/i],
    expiresAt: bigint,
    subject: ["varbinary(1024)", /^varbinary\b/i],
    version: bigint,
  },
  sqlite: {
    key: ["text", text],
    payload: ["blob", /^blob\b/i],
    kind: integer,
    expiresAt: integer,
    subject: ["text", text],
    version: integer,
  },
};

const longestKey = 200;

/** The names of the table. Throws a `TypeError` that says which column is missing, or cannot hold its part. */
export function tableOfModel(rules: DialectRules, { option, name, schema, columns }: Model): SqlTable {
  const missing = columnNames.filter((column) => !Object.hasOwn(columns, column));
  if (missing.length > 0) {
    throw new TypeError(
      `${option} must have the columns ${columnNames.join(", ")}; there is no ${missing.join(", no ")}`,
    );
  }
  for (const [property, { type, primary, nullable, required }] of Object.entries(columns)) {
    const wrong = (must: string): TypeError => new TypeError(`${option}: the column ${property} must ${must}`);
    const [takes, test] = holds[rules.dialect][property as keyof SqlColumns] ?? [];
    if (!takes || !test) {
      if (required) throw wrong("be nullable or have a default in the database; the store leaves it out");
      continue;
    }
    const length = /\((\d+)\)/.exec(type)?.[1];
    if (!test.test(type)) throw wrong(`be of type ${takes}; it is ${type}`);
    if (property === "key" && Number(length ?? longestKey) < longestKey) {
      throw wrong(`hold ${longestKey} characters; it is ${type}`);
    }
    if (property === "key" && !primary) throw wrong("be the primary key, alone");
    if (property === "subject" && !nullable) throw wrong("be nullable; a session may have no subject");
  }
  const names = columnNames.map((column) => [column, columns[column]!.name]);
  return tableOf(rules, { table: name, schema, columns: Object.fromEntries(names) as unknown as SqlColumns });
}

/** What such a store is made of. */
export interface ModelParts extends Omit<SqlStoreParts, "pieces" | "space"> {
  readonly table: SqlTable;
}

/** A store on a table that is there by the application's own migrations: `setup` creates nothing, and looks. */
export function modelStore({ table, ...parts }: ModelParts): Store {
  const { rules } = parts;
  const pieces = nativePieces(rules, table);
  return storeOn({
    ...parts,
    space: "own",
    pieces,
    async setUp(send) {
      try {
        await send(columnsOf(rules, pieces));
      } catch (cause) {
        if (!isAbsent(cause) && !isColumnAbsent(cause)) throw cause;
        const says = isError(cause) ? cause.message : String(cause);
        throw new Error(`The table ${table.name} differs from the model: ${says}. Run your migrations.`, { cause });
      }
    },
  });
}

/** A store that is made when it is first used. */
export function lazyStore(name: string, capabilities: StoreCapabilities, made: Lazy<Store>): Store {
  return {
    name,
    space: "own",
    capabilities,
    read: async (key) => (await made()).read(key),
    create: async (key, record) => (await made()).create(key, record),
    update: async (key, record, version) => (await made()).update(key, record, version),
    touch: async (key, expiresAt) => (await made()).touch(key, expiresAt),
    rename: async (from, to, record, version) => (await made()).rename(from, to, record, version),
    delete: async (key) => (await made()).delete(key),
    async *list() {
      yield* (await made()).list!();
    },
    async *listBySubject(subject, answered) {
      yield* (await made()).listBySubject!(subject, answered);
    },
    page: async (options) => (await made()).page!(options),
    count: async (options) => (await made()).count!(options),
    prune: async (options) => (await made()).prune!(options),
    examine: async () => (await made()).examine?.() ?? [],
    setup: async () => (await made()).setup!(),
  };
}
