/** Instants of a Flask whose machine is not in UTC, as the real Python notes them. */

import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { readyFlask } from "../../scripts/flask.ts";
import { localClock } from "../../src/flask/layouts/local-time.ts";
import { flaskDynamodb } from "../../src/flask.ts";
import { reportMissing } from "../support/report.ts";

const flask = readyFlask();
const missing = typeof flask === "string" && reportMissing("local time", flask);
const zones = ["Europe/Paris", "America/St_Johns", "Asia/Kolkata", "Pacific/Kiritimati", "Africa/Monrovia", "UTC"];
// Winter, summer, and around the hours in which Paris' summer time begins and ends.
const instants = [
  1_700_000_000, 1_720_000_000, 1_711_847_400, 1_711_850_400, 1_711_854_000, 1_729_990_000, 2_000_000_001,
];

describe.skipIf(missing)("the expiry in DynamoDB", () => {
  test.each(zones)("in %s is what Flask-Session 0.8 writes, and is read accordingly", (zone) => {
    // As flask_session/dynamodb does: int((utcnow() + lifetime).timestamp()).
    const program =
      "import datetime as d, json, sys\n" +
      "print(json.dumps([int(d.datetime.fromtimestamp(s, d.timezone.utc).replace(tzinfo=None).timestamp()) for s in json.load(sys.stdin)]))";
    const { python } = flask as { python: string };
    const output = execFileSync(python, ["-c", program], {
      input: JSON.stringify(instants),
      encoding: "utf8",
      timeout: 60_000,
      env: { ...process.env, TZ: zone },
    });
    const clock = localClock(zone);
    const noted = JSON.parse(output) as number[];
    expect(instants.map((one) => clock.stored(one * 1000) / 1000)).toEqual(noted);
    // In the hour that a clock goes through twice Python itself cannot tell.
    const off = noted.map((one, at) => Math.abs(clock.instant(one * 1000) / 1000 - instants[at]!));
    expect(off.filter((seconds) => seconds > 0).length).toBeLessThan(3);
    expect(Math.max(...off)).toBeLessThanOrEqual(3600);
  });
});

test("an unknown time zone is refused by name", () => {
  for (const wrong of ["Mars/Olympus", 5, ""])
    expect(() => flaskDynamodb({ timeZone: wrong as string })).toThrow(/timeZone must be the time zone of the process/);
});
