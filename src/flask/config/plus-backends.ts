/** The backends of Flask-Session-Plus, by the `session_type` of a part. */

import type { Format } from "../../core/contracts/format.ts";
import type { Store } from "../../core/contracts/store.ts";
import { flaskFormat, flaskPlusFirestore, flaskPlusMongodb } from "../../flask.ts";
import { firestoreStore } from "../../stores/firestore.ts";
import { memcachedStore } from "../../stores/memcached.ts";
import { mongodbStore } from "../../stores/mongodb.ts";
import { redisStore } from "../../stores/redis.ts";
import { ownTable } from "./backend.ts";
import { collectionOf, memcachedAt, memcachedPlace, mongodbPlace, redisAt, redisClient } from "./backends.ts";
import { firestoreDrivers, mongodbDrivers, type Opener } from "./drivers.ts";
import { type Keys, named, type Place } from "./keys.ts";

/** One of them, for one part. */
export interface PlusBackend {
  /** Tells it from those of other parts. */
  readonly place: string;
  /** How sessions are written. Default: TaggedJSON. */
  readonly format?: (subject: object) => Format;
  open(opener: Opener): Promise<Store>;
}

interface BackendContext {
  readonly native: boolean;
  readonly keyPrefix: string;
  /** Of the part, for messages. */
  readonly label: string;
}

/** By `session_type`. */
export const plusBackends: Readonly<Record<string, (own: Keys, context: BackendContext) => PlusBackend>> = {
  redis(own, { native, keyPrefix, label }) {
    const client = clientOf(own, "redis://127.0.0.1:6379");
    const at = redisAt(`${label}.client`, client);
    const layout = { name: "flask-session-plus", keyPrefix, payload: "text" } as const;
    return {
      place: placeOf(client),
      async open(opener) {
        const made = await redisClient(opener, `${label}.client`, at);
        return named(`${label}.client`, () => redisStore({ client: made as never, ...(!native && { layout }) }));
      },
    };
  },

  memcache(own, { native, label }) {
    const client = memcachedPlace(`${label}.client`, clientOf(own, "127.0.0.1:11211"));
    const layout = { name: "flask-session-plus", payload: "text", flags: [0, 16] } as const;
    return {
      place: placeOf(client),
      async open(opener) {
        const made = memcachedAt(opener, `${label}.client`, client);
        return named(`${label}.client`, () => memcachedStore({ client: made as never, ...(!native && { layout }) }));
      },
    };
  },

  mongodb(own, { native, label }) {
    const client = mongodbPlace(`${label}.client`, clientOf(own, "mongodb://127.0.0.1:27017"));
    const database = own.text("db", native ? "sojourn" : "flask_session");
    const name = own.text("collection", "sessions");
    return {
      place: `${placeOf(client)} ${database} ${name}`,
      async open(opener) {
        const made = await opener.at(`${label}.client`, mongodbDrivers, client);
        return named(`${label}.client`, () => {
          const collection = collectionOf(`${label}.client`, made, database, name) as never;
          return mongodbStore({ collection, ...(!native && { layout: flaskPlusMongodb() }) });
        });
      },
    };
  },

  firestore(own, { native, label }) {
    const client = own.place("client") ?? { url: "" };
    const collection = own.text("collection", native ? ownTable : "sessions");
    return {
      place: `${placeOf(client)} ${collection}`,
      format: flaskFormat,
      async open(opener) {
        const made = await opener.at(`${label}.client`, firestoreDrivers, client);
        const layout = native ? {} : { layout: flaskPlusFirestore() };
        return named(`${label}.client`, () => firestoreStore({ client: made as never, collection, ...layout }));
      },
    };
  },
};

function clientOf(own: Keys, otherwise: string): Place {
  return own.place("client", otherwise);
}

const numbers = new WeakMap<object, number>();
let clients = 0;

function placeOf({ client, url }: Place): string {
  if (client === undefined) return url;
  if (!numbers.has(client)) numbers.set(client, ++clients);
  return `client ${numbers.get(client)}`;
}
