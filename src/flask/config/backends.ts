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
import { type Backend, type BackendContext, ownTable, type Read } from "./backend.ts";
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
import { type Keys, named, type Place, receivedUrl } from "./keys.ts";
import { type RedisTarget, redisTarget } from "./urls.ts";

/** By `SESSION_TYPE`. */
export const backends: Readonly<Record<string, Read>> = {
  redis(keys, { native, pickled, keyPrefix }) {
    const at = redisAt("SESSION_REDIS", keys.place("SESSION_REDIS", "redis://127.0.0.1:6379"));
    return {
      isCommon: native,
      encoding: pickled ? "pickle" : "session",
      async open(opener) {
        const client = (await redisClient(opener, "SESSION_REDIS", at)) as never;
        return named("SESSION_REDIS", () =>
          redisStore({ client, ...(!native && { layout: flaskRedis({ keyPrefix }) }) }),
        );
      },
    };
  },

  memcached(keys, { native, pickled }) {
    const place = memcachedPlace("SESSION_MEMCACHED", keys.place("SESSION_MEMCACHED", "127.0.0.1:11211"));
    return {
      isCommon: native,
      encoding: pickled ? "pickle" : "session",
      async open(opener) {
        const client = memcachedAt(opener, "SESSION_MEMCACHED", place) as never;
        const layout = native ? {} : { layout: flaskMemcached() };
        return named("SESSION_MEMCACHED", () => memcachedStore({ client, ...layout }));
      },
    };
  },

  filesystem: (keys, context) => files(keys, "SESSION_FILE_DIR", context),

  cachelib: (keys, context) => files(keys, "SESSION_CACHELIB", context),

  mongodb(keys, { native, pickled }) {
    const place = mongodbPlace("SESSION_MONGODB", keys.place("SESSION_MONGODB", "mongodb://127.0.0.1:27017"));
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
    const given = keys.text("SESSION_DYNAMODB_ENDPOINT");
    const endpoint = httpUrl(
      given === undefined ? "SESSION_DYNAMODB" : "SESSION_DYNAMODB_ENDPOINT",
      given ?? place?.url,
    );
    const region = keys.text("SESSION_DYNAMODB_REGION");
    const accessKeyId = keys.secret("SESSION_DYNAMODB_KEY_ID");
    const secretAccessKey = keys.secret("SESSION_DYNAMODB_SECRET");
    if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
      throw new TypeError(
        "SESSION_DYNAMODB_KEY_ID and SESSION_DYNAMODB_SECRET must be set together; received one of them",
      );
    const table = keys.text("SESSION_DYNAMODB_TABLE", native ? ownTable : pickled ? "sessions" : "Sessions");
    const tableExists = keys.flag("SESSION_DYNAMODB_TABLE_EXISTS", false);
    const local = { endpoint: "http://localhost:8000", region: "us-east-1" };
    const dummy = { accessKeyId: "dummy", secretAccessKey: "dummy" };
    // Flask-Session has a server on this machine by default, Flask-Session2 what AWS's own configuration says.
    const toLocal = !endpoint && !region && !accessKeyId && !pickled;
    if (toLocal && !place) keys.note("SESSION_DYNAMODB", local.endpoint, "default");
    const options = toLocal
      ? { ...local, credentials: dummy }
      : {
          ...(endpoint !== undefined && { endpoint }),
          // A server of one's own asks for neither, and the client for both.
          ...(endpoint !== undefined && !process.env["AWS_REGION"] && { region: "us-east-1" }),
          ...(endpoint !== undefined && isLocal(endpoint) && !hasCredentials() && { credentials: dummy }),
          ...(region !== undefined && { region }),
          ...(accessKeyId !== undefined && { credentials: { accessKeyId, secretAccessKey } }),
        };
    return {
      encoding: pickled ? "json" : "session",
      tableExists,
      async open(opener) {
        const key = "SESSION_DYNAMODB";
        const client = (place?.client ?? (await opener.client(key, dynamodbDrivers, options))) as never;
        const layout = pickled ? flask2Dynamodb({ table }) : flaskDynamodb({ table, timeZone });
        return named(key, () => dynamodbStore({ client, ...(native ? { table } : { layout }) }));
      },
    };
  },

  elasticsearch(keys, { native }) {
    const place =
      keys.place("SESSION_ELASTICSEARCH") ?? keys.place("SESSION_ELASTICSEARCH_HOST", "http://localhost:9200");
    httpUrl(keys.has("SESSION_ELASTICSEARCH") ? "SESSION_ELASTICSEARCH" : "SESSION_ELASTICSEARCH_HOST", place.url);
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
      isCommon: native,
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
    if (place?.url?.includes("/")) throw keys.wrong("SESSION_FIRESTORE", "a client or the id of a project", place.url);
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
function files(keys: Keys, key: string, { native, cachelib, fileOwner: owner }: BackendContext): Backend {
  const given = keys.any(key);
  if (given !== undefined && typeof given !== "string")
    throw keys.wrong(key, "the path of the directory of cachelib's FileSystemCache", given);
  const directory = keys.text(key, native ? ".sessions" : "flask_session");
  const mode = modeOf(keys);
  const shared = { directory, mode, cachelib, owner };
  return {
    encoding: "pickle",
    open: async () => (native ? fileStore({ directory }) : named(key, () => flaskFiles(shared))),
  };
}

/** The file mode: a number such as `0o600` or 384, octal text such as `0600`, as in a shell, or Python's decimal number as text. */
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

/** A client of Redis that was given, or where to open one. */
export type RedisAt = { readonly client: object } | { readonly client?: undefined; readonly at: RedisTarget };

/** Reads it, so that a URL which no driver could follow is an error now. */
export function redisAt(key: string, { client, url }: Place): RedisAt {
  if (client !== undefined) return { client };
  const at = redisTarget(key, url);
  if (at) return { at };
  const takes = "a client, or a URL such as redis://host:6379/0, rediss://… or unix:///path/of/a/socket";
  const several = /,|sentinel/i.test(url) ? ". For Sentinel and Cluster give a client that knows the servers" : "";
  const bare = /^[\w.-]+:\d+$/.test(url) ? `. Write redis://${url}` : "";
  throw new TypeError(`${key} must be ${takes}; ${receivedUrl(url)}${several}${bare}`);
}

/** Opens it. */
export function redisClient(opener: Opener, key: string, place: RedisAt): unknown {
  return place.client ?? opener.client(key, redisDrivers, place.at);
}

/** Throws unless our client can follow the address. */
export function memcachedPlace(key: string, place: Place): Place {
  if (place.url?.includes(",")) throw new TypeError(`${key} must be one "host:port"; received several`);
  if (place.url !== undefined) named(key, () => memcachedClient({ server: place.url }));
  return place;
}

/** Throws unless it is a URL of MongoDB: what is in it its driver checks. */
export function mongodbPlace(key: string, place: Place): Place {
  if (place.url === undefined || /^mongodb(\+srv)?:\/\/[^/]/i.test(place.url)) return place;
  throw new TypeError(`${key} must be a client, or a URL such as mongodb://host:27017; ${receivedUrl(place.url)}`);
}

function httpUrl(key: string, url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const { protocol, search, hostname } = URL.canParse(url) ? new URL(url) : { protocol: "", search: "", hostname: "" };
  const fits = /^https?:$/.test(protocol) && search === "" && /^[^,]+$/.test(hostname);
  if (!fits)
    throw new TypeError(`${key} must be a URL such as http://host:9200, without parameters; ${receivedUrl(url)}`);
  return url;
}

function isLocal(url: string): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(new URL(url).hostname);
}

/** Whether AWS's client finds credentials by itself. */
function hasCredentials(): boolean {
  const names = "AWS_ACCESS_KEY_ID AWS_PROFILE AWS_WEB_IDENTITY_TOKEN_FILE AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
  return [...names.split(" "), "AWS_CONTAINER_CREDENTIALS_FULL_URI"].some((name) => process.env[name]);
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
