/** What shares the records of express-session takes its own options and no others. */

import * as shared from "sojourn/express-session";
import { expect, test } from "vitest";

const calls: Record<string, () => unknown> = {
  connectRedis: () => shared.connectRedis({ prefix: "s:" } as never),
  connectPgSimple: () => shared.connectPgSimple({ timeZone: "UTC", tableName: "s" } as never),
  connectSessionKnex: () => shared.connectSessionKnex({ tableName: "s" } as never),
  connectSessionSequelize: () => shared.connectSessionSequelize({ tableName: "s" } as never),
  connectSqlite3: () => shared.connectSqlite3({ tables: "s" } as never),
  connectDynamodb: () => shared.connectDynamodb({ hashKey: "s" } as never),
  expressMysqlSession: () => shared.expressMysqlSession({ schema: { tableName: "s" } } as never),
  "expressMysqlSession columnNames": () => shared.expressMysqlSession({ columnNames: { sid: "s" } } as never),
  expressIds: () => shared.expressIds({ prefix: "s:" } as never),
  expressFormat: () => shared.expressFormat({ maxage: 1000 } as never),
  expressSession: () => shared.expressSession({ secret: "s".repeat(32), prefix: "s:" } as never),
};

test.each(Object.entries(calls))("%s refuses an option of the other library that it does not have", (name, call) => {
  expect(call).toThrow(TypeError);
  expect(call).toThrow(`${name}: there is no option "`);
});
