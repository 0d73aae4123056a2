/** For the tests of moving: the table in the PostgreSQL at `MOVING_POSTGRES`, host, port, user and database as JSON. */

import pg from "pg";
import { sqlStore } from "../../../src/stores/sql.ts";

const pool = new pg.Pool({ ...JSON.parse(String(process.env.MOVING_POSTGRES)), max: 8 });

export const store = sqlStore({ client: pool, table: "moving" });
export const close = () => pool.end();
