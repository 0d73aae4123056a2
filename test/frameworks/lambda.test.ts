/** AWS Lambda, by Hono's own adapter, @fastify/aws-lambda, serverless-http and @codegenie/serverless-express. */

import { configure } from "@codegenie/serverless-express";
import awsLambdaFastify from "@fastify/aws-lambda";
import express from "express";
import fastify from "fastify";
import { handle } from "hono/aws-lambda";
import serverless from "serverless-http";
import { type FrameworkHarness, frameworkConformance, type RunningApp, type TrialApp } from "sojourn/testing";
import { describe } from "vitest";
import { startExpress } from "../support/express-app.ts";
import { startFastify } from "../support/fastify-app.ts";
import { startHono } from "../support/hono-app.ts";
import { type LambdaHandler, listenLambda, type PayloadFormat } from "../support/lambda-front.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

const adapters: Record<string, (app: TrialApp, format: PayloadFormat) => Promise<RunningApp>> = {
  hono: (app, format) => startHono(app, (hono) => listenLambda(handle(hono) as unknown as LambdaHandler, format)),
  "@fastify/aws-lambda": (app, format) =>
    startFastify(fastify(), app, (instance) => listenLambda(awsLambdaFastify(instance) as LambdaHandler, format)),
  "serverless-http": (app, format) =>
    startExpress(express, app, (one) => listenLambda(serverless(one) as LambdaHandler, format)),
  "@codegenie/serverless-express": (app, format) =>
    startExpress(express, app, (one) => listenLambda(configure({ app: one }) as unknown as LambdaHandler, format)),
};

reportBackend({ backend: "lambda", server: nodeServer, clients: Object.keys(adapters).map(clientVersion) });

/** What each adapter has to carry over: cookies and headers, both ways, and when the result is complete. */
const carried = /^(reading|writing|headers|login and logout|stores that fail|handlers that fail)$/;
/** What the format of the payload decides. */
const ofFormat = /^(reading|headers)$/;
/** In front of Lambda there is https always. */
const plainHttp = /plain http|browsers drop/;

for (const name of Object.keys(adapters))
  describe(name, () => {
    for (const format of [2, 1] as const) {
      const harness: FrameworkHarness = {
        name: `payload format ${format}.0`,
        start: (app) => adapters[name]!(app, format),
      };
      const groups = format === 2 ? carried : ofFormat;
      const cases = frameworkConformance(harness).filter((one) => groups.test(one.group) && !plainHttp.test(one.name));
      describeCases(harness.name, cases);
    }
  });
