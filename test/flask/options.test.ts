/** Options of Flask's front doors: one that does not exist is refused, with the one that was meant. */

import { expect, test } from "vitest";
import { explainConfig } from "../../src/flask/config.ts";
import { flaskCookie } from "../../src/flask/cookie.ts";
import { flaskFiles } from "../../src/flask/files.ts";
import {
  flask2Dynamodb,
  flaskDynamodb,
  flaskFormat,
  flaskIds,
  flaskPeewee,
  flaskPostgresql,
  flaskRedis,
  flaskSession,
  flaskSqlalchemy,
  pickleFormat,
  taggedJsonFormat,
} from "../../src/flask.ts";

test.each<[(options: never) => unknown, Record<string, unknown>, string]>([
  [flaskSession, { lifetme: "1d" }, 'flaskSession: there is no option "lifetme"; did you mean "lifetime"?'],
  [flaskCookie, { secretkey: "k" }, 'flaskCookie: there is no option "secretkey"; did you mean "secretKey"?'],
  [flaskFiles, { dir: "x" }, 'flaskFiles: there is no option "dir"'],
  [flaskFormat, { fromat: "json" }, 'flaskFormat: there is no option "fromat"; did you mean "format"?'],
  [flaskIds, { keyprefix: "" }, 'flaskIds: there is no option "keyprefix"; did you mean "keyPrefix"?'],
  [pickleFormat, { subject: "x" }, 'pickleFormat: there is no option "subject"'],
  [
    taggedJsonFormat,
    { subjectkey: "x" },
    'taggedJsonFormat: there is no option "subjectkey"; did you mean "subjectKey"?',
  ],
  [flaskRedis, { prefix: "x" }, 'flaskRedis: there is no option "prefix"'],
  [flaskDynamodb, { timezone: "UTC" }, 'flaskDynamodb: there is no option "timezone"; did you mean "timeZone"?'],
  [flask2Dynamodb, { tabel: "x" }, 'flask2Dynamodb: there is no option "tabel"; did you mean "table"?'],
  [flaskSqlalchemy, { shema: "x" }, 'flaskSqlalchemy: there is no option "shema"; did you mean "schema"?'],
  [flaskPostgresql, { zone: "UTC" }, 'flaskPostgresql: there is no option "zone"'],
  [flaskPeewee, { schema: "x" }, 'flaskPeewee: there is no option "schema"'],
  [
    (options: never) => explainConfig({ SESSION_TYPE: "null" }, options),
    { famly: "x" },
    'there is no option "famly"; did you mean "family"?',
  ],
])("%o takes no %o", (call, options, message) => {
  expect(() => call(options as never)).toThrow(TypeError);
  expect(() => call(options as never)).toThrow(message);
});
