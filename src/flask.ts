/**
 * Sessions shared with Flask: the ids, cookies and records of Flask-Session 0.8, read and written byte for byte.
 *
 * @module
 */

export { type FlaskFormatOptions, flaskFormat } from "./flask/format.ts";
export { type FlaskIdOptions, flaskIds } from "./flask/ids.ts";
export { flask2Datastore } from "./flask/layouts/datastore.ts";
export {
  type Flask2DynamodbOptions,
  type FlaskDynamodbOptions,
  flask2Dynamodb,
  flaskDynamodb,
} from "./flask/layouts/dynamodb.ts";
export { flask2Elasticsearch } from "./flask/layouts/elasticsearch.ts";
export { flask2Firestore } from "./flask/layouts/firestore.ts";
export { flaskMemcached } from "./flask/layouts/memcached.ts";
export { flaskMongodb } from "./flask/layouts/mongodb.ts";
export { flaskPlusMongodb } from "./flask/layouts/plus.ts";
export { flaskPlusFirestore } from "./flask/layouts/plus-firestore.ts";
export { type FlaskRedisOptions, flaskRedis } from "./flask/layouts/redis.ts";
export {
  type FlaskPeeweeOptions,
  type FlaskPostgresqlOptions,
  type FlaskSqlalchemyOptions,
  flaskPeewee,
  flaskPostgresql,
  flaskSqlalchemy,
} from "./flask/layouts/sql.ts";
export { type FlaskSessionConfig, type FlaskSessionOptions, flaskSession } from "./flask/options.ts";
export { type PickleFormatOptions, pickleFormat } from "./flask/pickle/format.ts";
export { PickledObject } from "./flask/pickle/object.ts";
export { type TaggedJsonOptions, taggedJsonFormat } from "./flask/tagged-json.ts";
export { type FlaskSecretKey, flaskToken } from "./flask/token.ts";
export { MsgpackExt } from "./flask/tree.ts";
