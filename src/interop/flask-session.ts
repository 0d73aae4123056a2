/**
 * Sessions shared with Flask: the ids, cookies and records of Flask-Session 0.8, read and written byte for byte.
 *
 * @module
 */

export { type FlaskFormatOptions, flaskFormat } from "./flask-session/format.ts";
export { type FlaskIdOptions, flaskIds } from "./flask-session/ids.ts";
export { flask2Datastore } from "./flask-session/layouts/datastore.ts";
export {
  type Flask2DynamodbOptions,
  type FlaskDynamodbOptions,
  flask2Dynamodb,
  flaskDynamodb,
} from "./flask-session/layouts/dynamodb.ts";
export { flask2Elasticsearch } from "./flask-session/layouts/elasticsearch.ts";
export { flask2Firestore } from "./flask-session/layouts/firestore.ts";
export { flaskMemcached } from "./flask-session/layouts/memcached.ts";
export { flaskMongodb } from "./flask-session/layouts/mongodb.ts";
export { flaskPlusMongodb } from "./flask-session/layouts/plus.ts";
export { flaskPlusFirestore } from "./flask-session/layouts/plus-firestore.ts";
export { type FlaskRedisOptions, flaskRedis } from "./flask-session/layouts/redis.ts";
export {
  type FlaskPeeweeOptions,
  type FlaskPostgresqlOptions,
  type FlaskSqlalchemyOptions,
  flaskPeewee,
  flaskPostgresql,
  flaskSqlalchemy,
} from "./flask-session/layouts/sql.ts";
export { type FlaskSessionConfig, type FlaskSessionOptions, flaskSession } from "./flask-session/options.ts";
export { type FlaskSecretKey, flaskToken } from "./flask-session/token.ts";
export { MsgpackExt } from "./flask-session/tree.ts";
export { type PickleFormatOptions, pickleFormat } from "./pickle/format.ts";
export { type TaggedJsonOptions, taggedJsonFormat } from "./tagged-json.ts";
