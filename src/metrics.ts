/**
 * Numbers for Prometheus, from the channels of all sessions in this process, in the `register` of prom-client.
 *
 * @module
 */

import { ticks } from "./core/contracts/clock.ts";
import { wrongArgument } from "./core/contracts/errors.ts";
import { checkKnown } from "./core/contracts/known.ts";
import type { RecordCount } from "./core/contracts/store.ts";
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
import type { Sessions } from "./core/request/sessions.ts";
import { countSessions } from "./manage.ts";

/** The part of prom-client's `Registry` that is used here. */
export interface MetricsRegister {
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
}

/** What `createSessions` returns, for any data. */
export interface CountedSessions {
  readonly stores: readonly object[];
  list(subject: string): Promise<readonly object[]>;
}

/** Options of {@link sessionMetrics}. */
export interface MetricsOptions {
  /** prom-client's `register`, or your own `Registry`. */
  readonly register: MetricsRegister;
  /**
   * Results of `createSessions`, one or several, whose live records are counted for `sojourn_sessions`: at most once a
   * minute each, when Prometheus reads the metrics. Default none. Stores that cannot count have no value.
   */
  readonly sessions?: CountedSessions | readonly CountedSessions[] | undefined;
}

type Labels = Readonly<Record<string, string>>;

/** A value as prom-client prints it. */
interface Value {
  readonly labels: Labels;
  readonly metricName?: string;
  value: number;
}

/** What a register asks of a metric. OpenMetrics writes another name into it. */
interface Metric {
  readonly type: string;
  name: string;
  get(): unknown;
  reset(): void;
}

/** Upper bounds in seconds: a store in the same network answers within a millisecond, and `storeTimeout` is 2 s. */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

class Counter implements Metric {
  readonly type = "counter";
  name: string;
  readonly #help: string;
  readonly #values = new Map<string, Value>();

  constructor(name: string, help: string) {
    this.name = name;
    this.#help = help;
  }

  add(labels: Labels, count = 1): void {
    const key = Object.values(labels).join(" ");
    const value = this.#values.get(key);
    if (value) value.value += count;
    else this.#values.set(key, { labels, value: count });
  }

  get(): unknown {
    const values = [...this.#values.values()].map((value) => ({ ...value }));
    return { name: this.name, help: this.#help, type: this.type, values, aggregator: "sum" };
  }

  reset(): void {
    this.#values.clear();
  }
}

class Seconds implements Metric {
  readonly type = "histogram";
  name: string;
  readonly #help: string;
  readonly #kinds = new Map<string, { labels: Labels; buckets: number[]; sum: number; count: number }>();

  constructor(name: string, help: string) {
    this.name = name;
    this.#help = help;
  }

  observe(labels: Labels, seconds: number): void {
    const key = Object.values(labels).join(" ");
    const kind = this.#kinds.get(key) ?? { labels, buckets: bounds.map(() => 0), sum: 0, count: 0 };
    this.#kinds.set(key, kind);
    bounds.forEach((bound, at) => {
      if (seconds <= bound) kind.buckets[at] = (kind.buckets[at] as number) + 1;
    });
    kind.sum += seconds;
    kind.count += 1;
  }

  get(): unknown {
    const { name } = this;
    const values: Value[] = [];
    for (const { labels, buckets, sum, count } of this.#kinds.values()) {
      const bucket = (le: number | string, value: number): Value => ({
        labels: { le, ...labels } as Labels,
        metricName: `${name}_bucket`,
        value,
      });
      values.push(...bounds.map((bound, at) => bucket(bound, buckets[at] as number)), bucket("+Inf", count));
      values.push(
        { labels, metricName: `${name}_sum`, value: sum },
        { labels, metricName: `${name}_count`, value: count },
      );
    }
    return { name, help: this.#help, type: this.type, values, aggregator: "sum" };
  }

  reset(): void {
    this.#kinds.clear();
  }
}

/** A count is good for so long, in milliseconds. */
const goodFor = 60_000;
/** The metrics wait for a count at most this long, in milliseconds. */
const timeLimit = 1000;

/** How many live sessions there are, by the name of their cookie. A count that takes long is there the next time. */
class LiveSessions implements Metric {
  readonly type = "gauge";
  name = "sojourn_sessions";
  readonly #all: readonly { readonly labels: Labels; readonly count: () => Promise<RecordCount> }[];
  readonly #values = new Map<Labels, number>();
  readonly #counting = new Map<Labels, Promise<void>>();
  readonly #at = new Map<Labels, number>();

  constructor(all: readonly Sessions<object>[]) {
    this.#all = all.map((sessions) => {
      const { config } = sessions.kept.kinds[0]!;
      const labels = { backend: config.store.name, name: config.cookie.baseName };
      return { labels, count: () => countSessions(sessions) };
    });
  }

  async get(): Promise<unknown> {
    const due = this.#all.filter(
      ({ labels }) => ticks() - (this.#at.get(labels) ?? Number.NEGATIVE_INFINITY) >= goodFor,
    );
    for (const { labels, count } of due)
      if (!this.#counting.has(labels)) this.#counting.set(labels, this.#count(labels, count));
    await withTimeLimit(Promise.all(this.#counting.values()));
    const values = [...this.#values].map(([labels, value]) => ({ labels, value }));
    const help = "Records of live sessions by the name of their cookie, signposts of the last minutes included";
    return { name: this.name, help, type: this.type, values, aggregator: "max" };
  }

  reset(): void {
    this.#values.clear();
    this.#at.clear();
  }

  async #count(labels: Labels, count: () => Promise<RecordCount>): Promise<void> {
    try {
      this.#values.set(labels, (await count()).count);
    } catch {
      // No value is better than an old one; an outage is in sojourn_store_seconds and in the events.
      this.#values.delete(labels);
    } finally {
      this.#at.set(labels, ticks());
      this.#counting.delete(labels);
    }
  }
}

async function withTimeLimit(work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeLimit);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

function checkCounted(given: unknown): readonly Sessions<object>[] {
  if (given === undefined) return [];
  const all: readonly unknown[] = Array.isArray(given) ? given : [given];
  const isCounted = (one: unknown): boolean => ((Object(one) as Partial<Sessions>).kept?.kinds.length ?? 0) > 0;
  if (all.every(isCounted)) return all as readonly Sessions<object>[];
  throw wrongArgument("sessions", "sessions of createSessions(), or a list of them", given);
}

/**
 * Measures all sessions of this process, in a registry of prom-client: `sojourn_loads_total`, `sojourn_saves_total`,
 * `sojourn_save_conflicts_total`, `sojourn_renewals_total`, `sojourn_events_total` and `sojourn_store_seconds`; with
 * `sessions` also `sojourn_sessions`. The labels are outcomes, plans, operations and names of stores and cookies, so
 * their number does not grow with users.
 *
 * @returns A function that stops counting, and removes the metrics from the registry.
 * @throws `TypeError` when `register` is not a registry, already has metrics of these names, or the runtime has no
 * `diagnostics_channel`.
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { register } from "prom-client";
 * import { sessionMetrics } from "sojourn/metrics";
 *
 * sessionMetrics({ register });
 * createServer(async (_, res) => {
 *   res.setHeader("content-type", register.contentType);
 *   res.end(await register.metrics());
 * }).listen(9464);
 * ```
 */
export function sessionMetrics(options: MetricsOptions): () => void {
  checkKnown("sessionMetrics", options, ["register", "sessions"]);
  const { register } = options;
  if (typeof register?.registerMetric !== "function" || typeof register.removeSingleMetric !== "function")
    throw wrongArgument("register", "prom-client's register", register);
  const counted = checkCounted(options.sessions);
  needChannels("sessionMetrics");

  const loaded = new Counter("sojourn_loads_total", "Sessions that requests asked for, by outcome");
  const saved = new Counter("sojourn_saves_total", "Saves by plan and outcome; the plan none wrote nothing");
  const conflicts = new Counter("sojourn_save_conflicts_total", "Writes that met a faster one and were merged");
  const renewed = new Counter("sojourn_renewals_total", "New ids, by what asked for them");
  const events = new Counter("sojourn_events_total", "Session events by type");
  const seconds = new Seconds("sojourn_store_seconds", "Duration of store calls in seconds");
  const live = counted.length === 0 ? [] : [new LiveSessions(counted)];
  const all: readonly Metric[] = [loaded, saved, conflicts, renewed, events, seconds, ...live];

  const stops = [
    listen<LoadMessage>(loads.asyncEnd, ({ backend, outcome }) => loaded.add({ backend, outcome: String(outcome) })),
    listen<SaveMessage>(saves.asyncEnd, (save) => {
      saved.add({ backend: save.backend, plan: save.plan, outcome: String(save.outcome) });
      if (save.conflicts > 0) conflicts.add({ backend: save.backend }, save.conflicts);
    }),
    listen<RenewMessage>(renewals.asyncEnd, ({ backend, by, outcome }) =>
      renewed.add({ backend, by, outcome: String(outcome) }),
    ),
    listen<EventMessage>(eventChannel, ({ type }) => events.add({ type })),
    listen<StoreMessage>(storeCalls.asyncEnd, ({ backend, operation, outcome, duration = 0 }) =>
      seconds.observe({ backend, operation, outcome: String(outcome) }, duration / 1000),
    ),
  ];
  const names = all.map(({ name }) => name);
  const stop = (): void => {
    for (const one of stops) one();
    for (const name of names.splice(0)) register.removeSingleMetric(name);
  };
  const registered: string[] = [];
  try {
    for (const metric of all) {
      register.registerMetric(metric as never);
      registered.push(metric.name);
    }
  } catch (cause) {
    names.splice(0, names.length, ...registered);
    stop();
    throw new TypeError(
      "register: it has metrics of sojourn's names already; call sessionMetrics once for each register",
      { cause },
    );
  }
  return stop;
}
