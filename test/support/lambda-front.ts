/** What stands in front of AWS Lambda: requests become events, as API Gateway and function URLs make them, results responses. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { RunningApp } from "sojourn/testing";
import { listen } from "./node-app.ts";

/** A function as Lambda calls it. */
export type LambdaHandler = (event: object, context: object) => Promise<unknown>;

/** `2`: HTTP APIs and function URLs. `1`: REST APIs. */
export type PayloadFormat = 1 | 2;

interface LambdaResult {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly cookies?: readonly string[];
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

/** What the runtime gives beside the event. */
export const lambdaContext = {
  functionName: "trial",
  functionVersion: "$LATEST",
  awsRequestId: "8f5a1a57-95a5-4c4d-9d7e-2f3f1a8a1b11",
  callbackWaitsForEmptyEventLoop: true,
  getRemainingTimeInMillis: () => 30_000,
};

/** Listens on a free port, and calls the function for each request. */
export function listenLambda(handler: LambdaHandler, format: PayloadFormat = 2): Promise<RunningApp> {
  return listen(
    createServer(async (req, res) => {
      const pieces: Buffer[] = [];
      for await (const piece of req) pieces.push(piece as Buffer);
      const event = (format === 2 ? eventOf2 : eventOf1)(req, Buffer.concat(pieces));
      try {
        answer(res, (await handler(event, lambdaContext)) as LambdaResult, format);
      } catch {
        // A function that fails is answered by the gateway.
        res.writeHead(502, { "content-type": "application/json" }).end('{"message":"Internal Server Error"}');
      }
    }),
  );
}

function eventOf2(req: IncomingMessage, body: Buffer): object {
  const { pathname, search, searchParams } = new URL(req.url ?? "/", "http://lambda.test");
  const { cookie, ...others } = req.headersDistinct;
  const headers = Object.fromEntries(Object.entries(others).map(([name, values]) => [name, values?.join(",")]));
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: pathname,
    rawQueryString: search.slice(1),
    ...(search && { queryStringParameters: queryOf(searchParams, (values) => values.join(",")) }),
    ...(cookie && { cookies: cookie.flatMap((line) => line.split(/; */)) }),
    headers,
    requestContext: {
      accountId: "123456789012",
      apiId: "api-id",
      domainName: "id.execute-api.us-east-1.amazonaws.com",
      domainPrefix: "id",
      http: { method: req.method, path: pathname, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "trial" },
      requestId: "id",
      routeKey: "$default",
      stage: "$default",
      time: "12/Mar/2020:19:03:58 +0000",
      timeEpoch: 1583348638390,
    },
    ...(body.length > 0 && { body: body.toString() }),
    isBase64Encoded: false,
  };
}

function eventOf1(req: IncomingMessage, body: Buffer): object {
  const { pathname, searchParams } = new URL(req.url ?? "/", "http://lambda.test");
  const all = Object.entries(req.headersDistinct).map(([name, values]) => [name, values ?? []] as const);
  const none = searchParams.size === 0;
  return {
    resource: "/{proxy+}",
    path: pathname,
    httpMethod: req.method,
    headers: Object.fromEntries(all.map(([name, values]) => [name, values.at(-1)])),
    multiValueHeaders: Object.fromEntries(all),
    queryStringParameters: none ? null : queryOf(searchParams, (values) => values.at(-1)),
    multiValueQueryStringParameters: none ? null : queryOf(searchParams, (values) => values),
    pathParameters: { proxy: pathname.slice(1) },
    stageVariables: null,
    requestContext: {
      accountId: "123456789012",
      apiId: "api-id",
      httpMethod: req.method,
      identity: { sourceIp: "192.0.2.1", userAgent: "trial" },
      path: pathname,
      protocol: "HTTP/1.1",
      requestId: "id",
      resourcePath: "/{proxy+}",
      stage: "$default",
    },
    body: body.length > 0 ? body.toString() : null,
    isBase64Encoded: false,
  };
}

function queryOf(query: URLSearchParams, pick: (values: string[]) => unknown): object {
  return Object.fromEntries([...new Set(query.keys())].map((name) => [name, pick(query.getAll(name))]));
}

function answer(res: ServerResponse, result: LambdaResult, format: PayloadFormat): void {
  res.statusCode = result.statusCode;
  for (const [name, value] of Object.entries(result.headers ?? {}))
    if (!/^(content-length|transfer-encoding|connection)$/i.test(name)) res.setHeader(name, `${value}`);
  // Each format knows only its own way to send a header twice.
  if (format === 1)
    for (const [name, values] of Object.entries(result.multiValueHeaders ?? {}))
      if (!/^(content-length|transfer-encoding|connection)$/i.test(name)) res.setHeader(name, [...values].map(String));
  if (format === 2 && result.cookies) for (const line of result.cookies) res.appendHeader("set-cookie", line);
  res.end(result.isBase64Encoded ? Buffer.from(result.body ?? "", "base64") : (result.body ?? ""));
}
