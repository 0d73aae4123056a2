/** What each `SESSION_TYPE` means: where the sessions are, how they are written there, and the store that does it. */

import { SessionError, wrongArgument } from "../../core/contracts/errors.ts";
import type { Store } from "../../core/contracts/store.ts";
import {
  flask2Datastore,
  flask2Dynamodb,
  flask2Elasticsearch,
  flask2Firestore,
  flaskDynamodb,
  flaskMemcached,
  flaskMongodb,
  flaskRedis,
} from "../../flask.ts";
import { datastoreStore } from "../../stores/datastore.ts";
import { dynamodbStore } from "../../stores/dynamodb.ts";
import { elasticsearchStore } from "../../stores/elasticsearch.ts";
import { fileStore } from "../../stores/file.ts";
import { firestoreStore } from "../../stores/firestore.ts";
import { memcachedClient } from "../../stores/memcached/client.ts";
import { memcachedStore } from "../../stores/memcached.ts";
import { mongodbStore } from "../../stores/mongodb.ts";
import { nullStore } from "../../stores/null.ts";
import { redisStore } from "../../stores/redis.ts";
import { flaskFiles } from "../files.ts";
import { type Backend, type Circumstances, ownTable, type Read } from "./backend.ts";
import { databases } from "./databases.ts";
import {
  datastoreDrivers,
  dynamodbDrivers,
  elasticsearchDrivers,
  firestoreDrivers,
  mongodbDrivers,
  type Opener,
  redisDrivers,
} from "./drivers.ts";
import { type Keys, named, type Place } from "./keys.ts";

/** By `SESSION_TYPE`. */
export const backends: Readonly<Record<string, Read>> = {
  redis(keys, { native, pickled, keyPrefix }) {
    const place = keys.place("SESSION_REDIS", "redis://127.0.0.1:6379");
    return {
      encoding: pickled ? "pickle" : "session",
      async open(opener) {
        const client = (await opener.at("SESSION_REDIS", redisDrivers, place)) as never;
        return named("SESSION_REDIS", () =>
          redisStore({ client, ...(!native && { layout: flaskRedis({ keyPrefix }) }) }),
        );
      },
    };
  },

  memcached(keys, { native, pickled }) {
    const place = keys.place("SESSION_MEMCACHED", "127.0.0.1:11211");
    return {
      encoding: pickled ? "pickle" : "session",
      async open(opener) {
        const client = memcachedAt(opener, "SESSION_MEMCACHED", place) as never;
        const layout = native ? {} : { layout: flaskMemcached() };
        return named("SESSION_MEMCACHED", () => memcachedStore({ client, ...layout }));
      },
    };
  },

  filesystem: (keys, circumstances) => files(keys, "SESSION_FILE_DIR", circumstances),

  cachelib: (keys, circumstances) => files(keys, "SESSION_CACHELIB", circumstances),

  mongodb(keys, { native, pickled }) {
    const place = keys.place("SESSION_MONGODB", "mongodb://127.0.0.1:27017");
    const database = keys.text("SESSION_MONGODB_DB", native ? "sojourn" : "flask_session");
    const name = keys.text("SESSION_MONGODB_COLLECT", "sessions");
    return {
      encoding: pickled ? "pickle" : "session",
      async open(opener) {
        const client = await opener.at("SESSION_MONGODB", mongodbDrivers, place);
        const collection = collectionOf("SESSION_MONGODB", client, database, name) as never;
        return mongodbStore({ collection, ...(!native && { layout: flaskMongodb() }) });
      },
    };
  },

  ...databases,

  dynamodb(keys, { native, pickled, timeZone }) {
    const place = keys.place("SESSION_DYNAMODB");
    const endpoint = keys.text("SESSION_DYNAMODB_ENDPOINT") ?? place?.url;
    const region = keys.text("SESSION_DYNAMODB_REGION");
    const accessKeyId = keys.secret("SESSION_DYNAMODB_KEY_ID");
    const secretAccessKey = keys.secret("SESSION_DYNAMODB_SECRET");
    const table = keys.text("SESSION_DYNAMODB_TABLE", native ? ownTable : pickled ? "sessions" : "Sessions");
    const isThere = keys.flag("SESSION_DYNAMODB_TABLE_EXISTS", false);
    const local = { endpoint: "http://localhost:8000", region: "us-east-1" };
    const dummy = { accessKeyId: "dummy", secretAccessKey: "dummy" };
    // Flask-Session has a server on this machine by default, Flask-Session2 what AWS's own configuration says.
    const toLocal = !endpoint && !region && !accessKeyId && !pickled;
    if (toLocal && !place) keys.note("SESSION_DYNAMODB", local.endpoint, "default");
    const options = toLocal
      ? { ...local, credentials: dummy }
      : {
          ...(endpoint !== undefined && { endpoint, region: "us-east-1", credentials: dummy }),
          ...(region !== undefined && { region }),
          ...(accessKeyId !== undefined && { credentials: { accessKeyId, secretAccessKey } }),
        };
    return {
      encoding: pickled ? "json" : "session",
      isThere,
      async open(opener) {
        const key = "SESSION_DYNAMODB";
        const client = (place?.client ?? (await opener.client(key, dynamodbDrivers, JSON.stringify(options)))) as never;
        const layout = pickled ? flask2Dynamodb({ table }) : flaskDynamodb({ table, timeZone });
        return named(key, () => dynamodbStore({ client, ...(native ? { table } : { layout }) }));
      },
    };
  },

  elasticsearch(keys, { native }) {
    const place =
      keys.place("SESSION_ELASTICSEARCH") ?? keys.place("SESSION_ELASTICSEARCH_HOST", "http://localhost:9200");
    const index = keys.text("SESSION_ELASTICSEARCH_INDEX", native ? ownTable : "sessions");
    return {
      encoding: "json",
      async open(opener) {
        const key = "SESSION_ELASTICSEARCH";
        const client = (await opener.at(key, elasticsearchDrivers, place)) as never;
        const layout = native ? {} : { layout: flask2Elasticsearch() };
        return named(key, () => elasticsearchStore({ client, index, ...layout }));
      },
    };
  },

  datastore(keys, { native }) {
    const project = keys.text("GCLOUD_APP_PROJECT_ID", "");
    return {
      encoding: "pickle",
      async open(opener) {
        // Flask-Session2 has "unknown" by default, and never looks at it.
        const client = await opener.client(
          "SESSION_TYPE=datastore",
          datastoreDrivers,
          project === "unknown" ? "" : project,
        );
        return datastoreStore({ client: client as never, ...(!native && flask2Datastore()) });
      },
    };
  },

  firestore(keys, { native }) {
    const place = keys.place("SESSION_FIRESTORE");
    const collection = keys.text("SESSION_FIRESTORE_COLLECT", native ? ownTable : "flask_session");
    const layout = native ? {} : { layout: flask2Firestore() };
    return {
      encoding: "pickle",
      async open(opener) {
        const client = (await opener.at("SESSION_FIRESTORE", firestoreDrivers, place ?? { url: "" })) as never;
        return named("SESSION_FIRESTORE", () => firestoreStore({ client, collection, ...layout }));
      },
    };
  },

  null: () => ({ encoding: "session", open: async () => withoutSessions() }),
};

/** cachelib's directory. Whatever the configuration says, it has pickles. */
function files(keys: Keys, key: string, { native, cachelib }: Circumstances): Backend {
  const given = keys.any(key);
  if (given !== undefined && typeof given !== "string")
    throw keys.wrong(key, "the path of the directory of cachelib's FileSystemCache", given);
  const directory = keys.text(key, native ? ".sessions" : "flask_session");
  const mode = modeOf(keys);
  return {
    encoding: "pickle",
    open: async () => (native ? fileStore({ directory }) : named(key, () => flaskFiles({ directory, mode, cachelib }))),
  };
}

/** As a number, `0o600` or 384; as text octal with a zero in front, as in a shell, or Python's decimal number. */
function modeOf(keys: Keys): number {
  const key = "SESSION_FILE_MODE";
  const value = keys.any(key);
  const octal = typeof value === "string" ? /^\s*0o?([0-7]{3})\s*$/i.exec(value)?.[1] : undefined;
  const mode = octal === undefined ? Number(value ?? 0o600) : Number.parseInt(octal, 8);
  const takes = "a mode with which its owner can read and write: 0o600 as a number, 0600 as text";
  if (!Number.isInteger(mode) || mode > 0o777 || (mode & 0o600) !== 0o600) throw keys.wrong(key, takes, value);
  keys.note(key, `0${mode.toString(8)}`, value === undefined ? "default" : "given");
  return mode;
}

/** The collection of a `MongoClient`. */
export function collectionOf(key: string, client: unknown, database: string, name: string): unknown {
  if (typeof (client as { db?: unknown }).db !== "function") throw wrongArgument(key, "a MongoClient or a URL", client);
  return (client as { db(name: string): { collection(name: string): unknown } }).db(database).collection(name);
}

/** A client that was given, or our own to the server. */
export function memcachedAt(opener: Opener, key: string, { client, url }: Place): unknown {
  if (client !== undefined) return client;
  const made = named(key, () => memcachedClient({ server: url }));
  opener.onClose(() => made.close());
  return made;
}

/** The family's null: reading is fine, writing says what to configure. */
function withoutSessions(): Store {
  const refuse = async (): Promise<never> => {
    const message =
      "a session was begun, and SESSION_TYPE is null, which keeps none; set it to redis, sqlalchemy or another type";
    throw new SessionError("ERR_SESSION_READ_ONLY", message);
  };
  return { ...nullStore(), create: refuse };
}
