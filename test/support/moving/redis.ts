/** For the tests of moving: the Redis store at `MOVING_REDIS`. */

import { createClient } from "redis";
import { redisStore } from "../../../src/stores/redis.ts";

const client = createClient({ url: String(process.env.MOVING_REDIS) });
await client.connect();

export const store = redisStore({ client, prefix: "moving:" });
export const close = () => client.close();
