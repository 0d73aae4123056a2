"""Sessions as Flask-Session's serializer writes them: random ones, and those on stdin read and written again."""

import datetime
import json
import random
import sys

import msgspec

msgpack, text = msgspec.msgpack, msgspec.json
UTC = datetime.timezone.utc
NAN = float("nan")

INTS = [0, 1, -1, 127, 128, 255, 256, 65535, 65536, -32, -33, -128, -129, -32768, -32769, 2**31, 2**32 - 1, 2**32]
INTS += [2**53 - 1, 2**53, 2**53 + 1, 2**63, 2**64 - 1, -(2**31) - 1, -(2**63)]
FLOATS = [0.0, -0.0, 1.0, 1e-5, 1e-6, 9.999e-6, 1e15, 1e16, 1e17, 123456789.125, 5e-324, 1.7976931348623157e308]
FLOATS += [NAN, float("inf"), float("-inf")]
TEXTS = ["", "é€😀", "a" * 31, "a" * 32, '\u2028\x7f\x00\x1f"\\/\n\t\r\b\f', "__proto__", "\ufeff"]
KEYS = [1, -5, 1.5, 2.0, 1e20, NAN, float("inf"), b"ab", 2**60, "x", datetime.datetime(2024, 1, 2, tzinfo=UTC)]


def number():
    if random.random() < 0.5:
        return random.choice([*INTS, random.randint(-(2**63), 2**64 - 1)])
    return random.choice([*FLOATS, random.uniform(-1e6, 1e6), random.random() * 10 ** random.randint(-320, 308)])


def instant():
    day = datetime.datetime(random.randint(1, 9999), random.randint(1, 12), random.randint(1, 28), tzinfo=UTC)
    time = {"seconds": random.randint(0, 86399), "microseconds": random.choice([0, 678000, random.randint(0, 999999)])}
    return day + datetime.timedelta(**time)


def leaf():
    some = bytes(random.randint(0, 255) for _ in range(random.randint(0, 9)))
    return random.choice([number, number, lambda: random.choice(TEXTS), lambda: some, instant, lambda: None, lambda: True])()


def name():
    return random.choice(["a", "b", "10", "9", "__proto__", "é", '"q\\', f"k{random.randint(0, 99)}"])


def value(depth):
    kind = random.random()
    if depth == 0 or kind < 0.5:
        return leaf()
    if kind < 0.7:
        return [value(depth - 1) for _ in range(random.randint(0, 4))]
    if kind < 0.85:
        return {name(): value(depth - 1) for _ in range(random.randint(0, 4))}
    return {random.choice(KEYS): value(depth - 1) for _ in range(random.randint(1, 3))}


given = json.load(sys.stdin)
random.seed(given["seed"])
sessions = [{name(): value(3) for _ in range(random.randint(1, 5))} for _ in range(given["count"])]
print(
    json.dumps(
        {
            "made": [[msgpack.encode(one).hex(), text.encode(one).decode()] for one in sessions],
            "msgpack": [msgpack.encode(msgpack.decode(bytes.fromhex(one))).hex() for one in given["msgpack"]],
            "json": [text.encode(text.decode(one)).decode() for one in given["json"]],
        }
    )
)
