/** `sojourn/otel` with the real OpenTelemetry SDK. */

import * as api from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { afterEach, expect, test } from "vitest";
import { createSessions } from "../../src/index.ts";
import { sessionTelemetry, type TelemetryOptions } from "../../src/otel.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { visitor } from "./visitor.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function setUp(options: Partial<TelemetryOptions> = {}) {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter } as never)] });
  const inner = memoryStore();
  const state = { broken: false };
  const read = (key: string) => (state.broken ? Promise.reject(new Error(`GET ${key}`)) : inner.read(key));
  const visit = visitor(createSessions({ store: { ...inner, read }, warn: false }));
  const stop = sessionTelemetry({ tracer: provider.getTracer("sojourn"), ...options });
  stops.push(stop);
  return { visit, state, stop, spans: (): ReadableSpan[] => exporter.getFinishedSpans() };
}

const named = (spans: readonly ReadableSpan[], name: string): ReadableSpan[] =>
  spans.filter((span) => span.name === name);

test("a request is a load, its store calls and a save; with the api, the calls are their children", async () => {
  const { visit, spans } = setUp({ api });
  await visit((session) => Object.assign(session.data, { n: 1 }));
  await visit((session) => Object.assign(session.data, { n: 2 }));
  const names = ["load", "store.create", "save", "store.read", "load", "store.update", "save"];
  expect(spans().map(({ name }) => name)).toEqual(names.map((name) => `sojourn.${name}`));
  const [, load] = named(spans(), "sojourn.load");
  const [read] = named(spans(), "sojourn.store.read");
  expect(read?.parentSpanContext?.spanId).toBe(load?.spanContext().spanId);
  expect(read?.spanContext().traceId).toBe(load?.spanContext().traceId);
  expect(read?.attributes).toEqual({
    "sojourn.backend": "memory",
    "sojourn.outcome": "ok",
    "sojourn.operation": "read",
    "sojourn.attempt": 1,
  });
  const [, save] = named(spans(), "sojourn.save");
  expect(save?.attributes).toMatchObject({ "sojourn.plan": "update", "sojourn.retries": 0, "sojourn.conflicts": 0 });
});

test("no span identifies a session: no session.id, no subject", async () => {
  const { visit, spans } = setUp();
  await visit((session) => session.login("ada@example.com"));
  await visit(() => {});
  const keys = new Set(spans().flatMap(({ attributes }) => Object.keys(attributes)));
  expect([...keys].filter((key) => /^(session|user|enduser)\./.test(key))).toEqual([]);
  expect(JSON.stringify(spans().map(({ name, attributes, events }) => [name, attributes, events]))).not.toContain(
    "ada",
  );
});

test("with userHash a user has one hash on loads and saves, which is not the subject's plain digest", async () => {
  const { visit, spans } = setUp({ userHash: { secret: "a secret of at least 32 characters, really" } });
  await visit((session) => session.login("ada"));
  await visit(() => {});
  await visit((session) => session.login("ada"), "");
  await visit((session) => session.login("eve"), "");
  const [first, second, third, other] = ["save", "load", "save", "save"].map((name, at) => {
    const index = [0, 1, 2, 3][at] as number;
    return named(spans(), `sojourn.${name}`)[index]?.attributes["user.hash"];
  });
  expect(first).toMatch(/^[\w-]{43}$/);
  expect([second, third]).toEqual([first, first]);
  expect(other).not.toBe(first);
  expect(first).not.toBe(Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from("ada"))).toString("base64url"));
});

test("a failing store is an error on its span and on the load's, without the client's message", async () => {
  const { visit, state, spans } = setUp();
  await visit((session) => Object.assign(session.data, { n: 1 }));
  state.broken = true;
  await visit(() => {});
  const broken = spans().filter(({ status }) => status.code === api.SpanStatusCode.ERROR);
  expect(broken.map(({ name }) => name)).toEqual(["sojourn.store.read", "sojourn.load"]);
  for (const span of broken) {
    expect(span.attributes["error.type"]).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(span.events[0]?.name).toBe("exception");
    expect(JSON.stringify([span.events, span.attributes, span.status])).not.toContain("GET ");
  }
});

test("a meter counts the same", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const { visit } = setUp({ tracer: undefined, meter: provider.getMeter("sojourn") as never });
  await visit((session) => session.login("ada"));
  await visit((session) => Object.assign(session.data, { n: 2 }));
  await reader.forceFlush();
  const metrics = exporter.getMetrics().at(-1)?.scopeMetrics[0]?.metrics ?? [];
  const points = Object.fromEntries(metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]));
  expect(points["sojourn.loads"]?.map(({ attributes, value }) => [attributes["outcome"], value])).toEqual([
    ["none", 1],
    ["found", 1],
  ]);
  expect(points["sojourn.saves"]?.map(({ attributes }) => attributes["plan"])).toEqual(["create", "update"]);
  expect(points["sojourn.store.duration"]?.length).toBeGreaterThan(1);
  await provider.shutdown();
});

test("after stop there are no spans", async () => {
  const { visit, stop, spans } = setUp();
  stop();
  await visit((session) => Object.assign(session.data, { n: 1 }));
  expect(spans()).toEqual([]);
});

test.each([
  [{}],
  [{ tracer: {} }],
  [{ meter: {} }],
  [{ tracer: { startSpan() {} }, userHash: { secret: "short" } }],
  [{ tracer: { startSpan() {} }, api: {} }],
  [{ tracer: { startSpan() {} }, sessionId: true }],
])("%o is refused", (options) => {
  expect(() => sessionTelemetry(options as never)).toThrow(TypeError);
});
