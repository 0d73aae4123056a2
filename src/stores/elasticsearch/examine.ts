/** Looks at how the index is set up for sessions: version, mapping, blocks, health. Changes nothing. */

import type { Finding } from "../../core/contracts/store.ts";
import { asked, fault, good, note } from "../shared/findings.ts";
import type { Send } from "./client.ts";
import type { ElasticsearchRecords } from "./documents.ts";
import { checkIndex } from "./mapping.ts";

/** What there is to say. */
export async function examine(send: Send, index: string, records: ElasticsearchRecords): Promise<Finding[]> {
  const path = `/${encodeURIComponent(index)}`;
  const version = await asked("version", async () => {
    const { body } = await send({ method: "GET", path: "/" });
    // Behind some gateways nothing is there.
    if (body.version === undefined) return [];
    const { number, distribution = "Elasticsearch" } = body.version;
    return [good("version", `${distribution === "opensearch" ? "OpenSearch" : distribution} ${number}`)];
  });
  const mapping = await asked("index", async () => {
    await checkIndex(send, index, records);
    return [good("index", "there, with the fields that are searched")];
  });
  const blocks = await asked("blocks", async () => {
    const { body } = await send({ method: "GET", path: `${path}/_settings` });
    const settings = Object.values(body as Record<string, { settings?: { index?: { blocks?: object } } }>);
    const set = settings.flatMap(({ settings }) => Object.entries(settings?.index?.blocks ?? {}));
    const on = set.filter(([, value]) => value === "true" || value === true).map(([name]) => name);
    if (on.length === 0) return [];
    const cure = "Free disk space, then PUT /<index>/_settings with index.blocks.read_only_allow_delete: null";
    return [fault("blocks", `${on.join(", ")}: the index takes no writes`, cure)];
  });
  const health = await asked("health", async () => {
    const { status } = (await send({ method: "GET", path: `/_cluster/health${path}` })).body;
    if (status === "red")
      return [fault("health", "red: a part of the sessions cannot be reached", "GET /_cluster/allocation/explain")];
    if (status === "green") return [good("health", "green")];
    return [
      note(
        "health",
        `${status}: a copy is missing, and one lost node loses sessions`,
        "Add a node, or set number_of_replicas to fit",
      ),
    ];
  });
  const isFault = (one: Finding): Finding =>
    one.state === "unknown"
      ? { ...one, state: "fault", found: one.found.replace("cannot be asked: ", ""), cure: "sojourn setup" }
      : one;
  return [...version, ...mapping.map(isFault), ...blocks, ...health];
}
