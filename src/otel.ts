/**
 * Spans and measurements for OpenTelemetry, from the channels of all sessions in this process.
 *
 * @module
 */

import { diagnostics } from "#channels";
import { hmacSha256 } from "#crypto";
import { andThen, base64url, type MaybePromise, utf8 } from "./core/bytes/bytes.ts";
import type { Channel, TracingChannel } from "./core/contracts/channels.ts";
import { wrongArgument } from "./core/contracts/errors.ts";
import { checkKnown } from "./core/contracts/known.ts";
import {
  type EventMessage,
  eventChannel,
  type LoadMessage,
  listen,
  loads,
  needChannels,
  type RenewMessage,
  renewals,
  type SaveMessage,
  type StoreMessage,
  saves,
  storeCalls,
} from "./core/contracts/traces.ts";

type Attributes = Record<string, string | number>;

/** The part of a span that is used here. */
export interface TelemetrySpan {
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  recordException(error: Error): unknown;
  end(): unknown;
}

/** The part of an OpenTelemetry `Tracer` that is used here. */
export interface TelemetryTracer {
  startSpan(name: string, options?: { readonly attributes?: Attributes }, context?: never): TelemetrySpan;
}

/** The part of an OpenTelemetry `Meter` that is used here. */
export interface TelemetryMeter {
  createCounter(
    name: string,
    options?: { description?: string },
  ): { add(value: number, attributes?: Attributes): unknown };
  createHistogram(
    name: string,
    options?: { description?: string; unit?: string; advice?: { explicitBucketBoundaries?: number[] } },
  ): { record(value: number, attributes?: Attributes): unknown };
}

/** The part of `@opentelemetry/api` that is used here. */
export interface TelemetryApi {
  readonly trace: { setSpan(context: never, span: never): unknown };
  readonly context: { active(): unknown };
}

/** Options of {@link sessionTelemetry}. One of `tracer` and `meter` is needed. */
export interface TelemetryOptions {
  /** `trace.getTracer("sojourn")`: spans for loads, saves, renewals and calls of the store. Default none. */
  readonly tracer?: TelemetryTracer | undefined;
  /** `metrics.getMeter("sojourn")`: the numbers of `sojourn/metrics`. Default none. */
  readonly meter?: TelemetryMeter | undefined;
  /**
   * The module `@opentelemetry/api`: store calls are then children of their load or save. Default: of the
   * current span.
   */
  readonly api?: TelemetryApi | undefined;
  /**
   * Puts `user.hash` on spans of loads and saves: HMAC-SHA-256 of the session's subject, with this secret of at least
   * 32 characters. Default: no span says whose session it is.
   */
  readonly userHash?: { readonly secret: string } | undefined;
}

/** `SpanStatusCode.ERROR` */
const failed = 2;
const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/**
 * Reports all sessions of this process to OpenTelemetry: the spans `sojourn.load`, `sojourn.save`, `sojourn.renew`
 * and `sojourn.store.<operation>`, and counters and a histogram of the same. No attribute is `session.id`, which the
 * conventions define for sessions of a client application.
 *
 * @returns A function that stops it.
 * @throws `TypeError` when an option is wrong, or the runtime has no `diagnostics_channel`.
 * @example
 * ```ts
 * import * as api from "@opentelemetry/api";
 * import { sessionTelemetry } from "sojourn/otel";
 *
 * sessionTelemetry({
 *   tracer: api.trace.getTracer("sojourn"),
 *   meter: api.metrics.getMeter("sojourn"),
 *   api,
 * });
 * ```
 */
export function sessionTelemetry(options: TelemetryOptions): () => void {
  checkKnown("sessionTelemetry", options, ["tracer", "meter", "api", "userHash"]);
  const { tracer, meter, api } = options;
  if (tracer === undefined && meter === undefined)
    throw wrongArgument("tracer", "a tracer of OpenTelemetry, where there is no meter", tracer);
  if (tracer !== undefined && typeof tracer?.startSpan !== "function")
    throw wrongArgument("tracer", "a tracer of OpenTelemetry", tracer);
  if (meter !== undefined && typeof meter?.createCounter !== "function")
    throw wrongArgument("meter", "a meter of OpenTelemetry", meter);
  if (api !== undefined && (typeof api?.trace?.setSpan !== "function" || typeof api.context?.active !== "function"))
    throw wrongArgument("api", "the module @opentelemetry/api", api);
  const hash = hashOf(options.userHash);
  needChannels("sessionTelemetry");
  const stops = [...(tracer ? spans(tracer, api, hash) : []), ...(meter ? measurements(meter) : [])];
  return () => {
    for (const stop of stops) stop();
  };
}

type Hash = (subject: string) => MaybePromise<string>;

function hashOf(userHash: TelemetryOptions["userHash"]): Hash | undefined {
  if (userHash === undefined) return undefined;
  const secret: unknown = userHash?.secret;
  if (typeof secret !== "string" || secret.length < 32)
    throw wrongArgument("userHash.secret", "a text of at least 32 characters", secret);
  const hmac = hmacSha256(utf8(secret));
  return (subject) => andThen(hmac(utf8(subject)), base64url);
}

function spans(tracer: TelemetryTracer, api: TelemetryApi | undefined, hash: Hash | undefined): (() => void)[] {
  const open = new WeakMap<object, TelemetrySpan>();
  // Which span a call of the store belongs to.
  const parents = diagnostics!.scope<TelemetrySpan>();

  function follow<Message extends LoadMessage | SaveMessage | StoreMessage | RenewMessage>(
    { start, asyncEnd }: TracingChannel,
    name: (message: Message) => string,
    attributes: (message: Message) => Attributes,
  ): (() => void)[] {
    const begin = (message: unknown): TelemetrySpan => {
      const parent = parents.getStore();
      const context = api && parent ? api.trace.setSpan(api.context.active() as never, parent as never) : undefined;
      const span = tracer.startSpan(name(message as Message), {}, context as never);
      open.set(message as object, span);
      return span;
    };
    start.bindStore(parents, begin);
    const end = listen<Message>(asyncEnd, (message) => {
      const span = open.get(message);
      if (!span) return;
      span.setAttributes({ "sojourn.backend": message.backend, "sojourn.outcome": String(message.outcome) });
      span.setAttributes(attributes(message));
      const { error } = message;
      if (error) {
        span.recordException(error);
        span.setStatus({ code: failed, message: error.message });
        span.setAttributes({ "error.type": String((error as { code?: unknown }).code ?? error.name) });
      }
      const subject = "subject" in message ? message.subject : undefined;
      if (!hash || subject === undefined) {
        span.end();
        return;
      }
      void andThen(hash(subject), (hashed) => {
        span.setAttributes({ "user.hash": hashed });
        span.end();
      });
    });
    return [end, () => void start.unbindStore(parents)];
  }

  return [
    ...follow<LoadMessage>(loads, () => "sojourn.load", handleOf),
    ...follow<SaveMessage>(
      saves,
      () => "sojourn.save",
      (save) => ({
        ...handleOf(save),
        "sojourn.plan": save.plan,
        "sojourn.retries": save.retries,
        "sojourn.conflicts": save.conflicts,
      }),
    ),
    ...follow<RenewMessage>(
      renewals,
      () => "sojourn.renew",
      (renewal) => ({ ...handleOf(renewal), "sojourn.renewed_by": renewal.by }),
    ),
    ...follow<StoreMessage>(
      storeCalls,
      ({ operation }) => `sojourn.store.${operation}`,
      ({ operation, attempt }) => ({ "sojourn.operation": operation, "sojourn.attempt": attempt }),
    ),
  ];
}

function handleOf({ handle }: { handle?: string | undefined }): Attributes {
  return handle === undefined ? {} : { "sojourn.handle": handle };
}

function measurements(meter: TelemetryMeter): (() => void)[] {
  const counter = (name: string, description: string): ReturnType<TelemetryMeter["createCounter"]> =>
    meter.createCounter(`sojourn.${name}`, { description });
  const loaded = counter("loads", "Sessions that requests asked for, by outcome");
  const saved = counter("saves", "Saves by plan and outcome; the plan none wrote nothing");
  const conflicts = counter("save.conflicts", "Writes that met a faster one and were merged");
  const renewed = counter("renewals", "New ids, by what asked for them");
  const events = counter("events", "Session events by type");
  const duration = meter.createHistogram("sojourn.store.duration", {
    description: "Duration of store calls",
    unit: "s",
    advice: { explicitBucketBoundaries: seconds },
  });
  const ended = <Message>({ asyncEnd }: TracingChannel, heard: (message: Message) => void): (() => void) =>
    listen(asyncEnd as Channel, heard);
  return [
    ended<LoadMessage>(loads, ({ backend, outcome }) => loaded.add(1, { backend, outcome: String(outcome) })),
    ended<SaveMessage>(saves, (save) => {
      saved.add(1, { backend: save.backend, plan: save.plan, outcome: String(save.outcome) });
      if (save.conflicts > 0) conflicts.add(save.conflicts, { backend: save.backend });
    }),
    ended<RenewMessage>(renewals, ({ backend, by, outcome }) =>
      renewed.add(1, { backend, by, outcome: String(outcome) }),
    ),
    listen<EventMessage>(eventChannel, ({ type }) => events.add(1, { type })),
    ended<StoreMessage>(storeCalls, (call) =>
      duration.record((call.duration ?? 0) / 1000, {
        backend: call.backend,
        operation: call.operation,
        outcome: String(call.outcome),
      }),
    ),
  ];
}
