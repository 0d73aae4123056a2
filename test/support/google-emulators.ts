/** Google's emulators of Firestore and Datastore for tests: those named in the environment, or our own on free ports. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { findProgram } from "../../scripts/servers.ts";
import { end, host, launch, onFreePort } from "./processes.ts";

/** One kind of emulator. */
export interface Emulator {
  /** `"Firestore emulator"` */
  readonly name: string;
  /** The environment variable that names one that runs already, as `host:port`; Google's clients read it as well. */
  readonly variable: "FIRESTORE_EMULATOR_HOST" | "DATASTORE_EMULATOR_HOST";
  /** Where it is below `platform` of Google's SDK. */
  readonly archive: string;
  /** Its main class, and what that takes. */
  command(port: number, another: number): readonly string[];
}

/** One that runs. */
export interface RunningEmulator {
  /** `host:port` */
  readonly address: string;
  /** Name and version: `"Firestore emulator 1.19.9"`. */
  readonly version: string;
  /** Ends it, if it is ours. */
  stop(): Promise<void>;
}

/** Kept now, for the clients of the tests find their way by the same variables. */
const { FIRESTORE_EMULATOR_HOST, DATASTORE_EMULATOR_HOST } = process.env;
const elsewhere = { FIRESTORE_EMULATOR_HOST, DATASTORE_EMULATOR_HOST };

const firestoreArchive = "cloud-firestore-emulator/cloud-firestore-emulator.jar";
const firestoreMain = "com.google.cloud.datastore.emulator.firestore.CloudFirestore";
const firestoreArgs = (port: number, another: number): string[] => [
  firestoreMain,
  ...["--host", host, "--port", String(port), "--websocket_port", String(another)],
];

/** Firestore in native mode. */
export const firestoreEmulator: Emulator = {
  name: "Firestore emulator",
  variable: "FIRESTORE_EMULATOR_HOST",
  archive: firestoreArchive,
  command: firestoreArgs,
};

/** Firestore in Datastore mode, which is what every Datastore is today. */
export const datastoreModeEmulator: Emulator = {
  name: "Firestore emulator in Datastore mode",
  variable: "DATASTORE_EMULATOR_HOST",
  archive: firestoreArchive,
  command: (port, another) => [...firestoreArgs(port, another), "--database-mode=datastore-mode"],
};

/** The Datastore emulator as it was before that. */
export const datastoreEmulator: Emulator = {
  name: "Datastore emulator",
  variable: "DATASTORE_EMULATOR_HOST",
  archive: "cloud-datastore-emulator/CloudDatastore.jar",
  command: (port) => [
    "com.google.cloud.datastore.emulator.CloudDatastore",
    ...["start", `--host=${host}`, `--port=${port}`, "--testing"],
  ],
};

/** Why an emulator cannot run here, for `reportMissing`; `undefined` where it can, or runs elsewhere. */
export function whyNot(emulator: Emulator): string | undefined {
  if (elsewhere[emulator.variable]) return undefined;
  if (!archiveOf(emulator)) {
    return (
      `no ${emulator.archive} under Google's SDK; Google publishes it in the Debian packages ` +
      `google-cloud-cli-firestore-emulator and -datastore-emulator; or name one that runs in ${emulator.variable}`
    );
  }
  return findProgram("java") ? undefined : "no java on the PATH";
}

/** Starts one, or finds the one that runs. */
export async function startEmulator(emulator: Emulator): Promise<RunningEmulator> {
  const { name, variable } = emulator;
  const address = elsewhere[variable];
  if (address) return { address, version: `${name} at ${variable}`, stop: async () => {} };
  const [java, archive] = [findProgram("java"), archiveOf(emulator)];
  if (!java || !archive) throw new Error(whyNot(emulator));
  const options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", archive];
  const [port, child] = await onFreePort((another) =>
    onFreePort(async (port) => {
      const run = await launch(java, [...options, ...emulator.command(port, another)], port);
      return [port, run] as const;
    }),
  );
  return { address: `${host}:${port}`, version: `${name} ${versionOf(archive)}`.trim(), stop: () => end(child) };
}

/** Where Debian's package puts Google's SDK, or where `gcloud` is. */
function archiveOf({ archive }: Emulator): string | undefined {
  const gcloud = findProgram("gcloud");
  const roots = [process.env.CLOUDSDK_ROOT_DIR, "/usr/lib/google-cloud-sdk", gcloud && dirname(dirname(gcloud))];
  return roots.flatMap((root) => (root ? [join(root, "platform", archive)] : [])).find((path) => existsSync(path));
}

/** The Firestore emulator tells its version, the other one does not: then it is that of the package. */
function versionOf(archive: string): string {
  const [program, ...args] = archive.endsWith(firestoreArchive)
    ? [findProgram("java") ?? "java", "-cp", archive, firestoreMain, "--version"]
    : ["dpkg-query", "--status", "google-cloud-cli-datastore-emulator"];
  try {
    const said = execFileSync(program, args, { encoding: "utf8", stdio: "pipe", timeout: 60_000 });
    return /(?:emulator|Version:) ([\d.]+)/.exec(said)?.[1] ?? "";
  } catch {
    return "";
  }
}
