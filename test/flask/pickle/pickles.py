"""Prints pickles that this Python makes, as lines of JSON: name, protocol, pickle, and what msgspec writes of the same value."""

import datetime as d, decimal, collections, json, pickle, sys, uuid
import msgspec
from markupsafe import Markup

print("Python " + sys.version.split()[0])
if sys.argv[1:] == ["foreign"]:
    import foreign

    for protocol in range(6):
        for name, value in {**foreign.values, **(foreign.newer if protocol >= 2 else {})}.items():
            print(json.dumps([name, protocol, pickle.dumps({"plain": 1, "kept": value}, protocol).hex(), None]))
    sys.exit()
utc = d.timezone.utc
shared = ["again", 1]
values = {
    "session": {"_permanent": True, "user_id": 42},
    "kinds": {"none": None, "yes": True, "no": False, "text": "Zoë €😀", "empty": "", "list": [], "dict": {}, "tuple": (), "bytes": b"\0\xff", "no bytes": b""},
    "integers": [0, 1, -1, 127, 128, -128, -129, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**53 - 1, 2**53, 2**53 + 1, -2**53 - 1, 2**63 - 1, 2**63, 2**64 - 1, -2**63],
    "floats": [0.0, -0.0, 1.0, 1.5, -2.25, 1e300, 5e-324, 0.1, 1e16, float("inf"), float("-inf")],
    "times": {
        "utc": d.datetime(2024, 1, 2, 3, 4, 5, 678901, utc), "whole": d.datetime(2024, 1, 2, 3, 4, 5, tzinfo=utc),
        "naive": d.datetime(2024, 1, 2, 3, 4, 5, 678000), "fold": d.datetime(2024, 1, 2, 3, 4, 5, fold=1),
        "west": d.datetime(2024, 1, 2, 3, 4, 5, 1, d.timezone(d.timedelta(hours=-5, minutes=-30), "X")),
        "odd": d.datetime(2024, 1, 2, 3, 4, 5, 1, d.timezone(d.timedelta(seconds=61, microseconds=2))),
        "old": d.datetime(1960, 1, 2, 3, 4, 5, 1, utc), "first": d.datetime(1, 1, 1), "last": d.datetime(9999, 12, 31, 23, 59, 59, 999999, utc),
        "date": d.date(2024, 2, 29), "time": d.time(3, 4, 5), "fine": d.time(3, 4, 5, 6), "noon utc": d.time(12, tzinfo=utc),
        "east": d.time(3, 4, 5, tzinfo=d.timezone(d.timedelta(hours=2))), "time west": d.time(3, 4, tzinfo=d.timezone(d.timedelta(hours=-2, minutes=-15))),
    },
    "durations": [d.timedelta(days=1, hours=2), d.timedelta(seconds=1.5), d.timedelta(seconds=-1), d.timedelta(0), d.timedelta(days=-1), d.timedelta(days=-3, microseconds=1), d.timedelta(microseconds=-1), d.timedelta.max, d.timedelta.min],
    "objects": {"uuid": uuid.UUID(int=5), "large": uuid.UUID(int=2**128 - 1), "decimals": [decimal.Decimal(x) for x in ("1.10", "1E+3", "NaN", "-0")], "ordered": collections.OrderedDict(b=1, a=2), "one": collections.OrderedDict(a=1)},
    "sets": {"set": {7}, "empty": set(), "frozen": frozenset({7}), "bytearray": bytearray(b"\1\xfe"), "no bytearray": bytearray()},
    "tuples": [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((), ((),))],
    "shared": {"a": shared, "b": shared, "t": utc and d.datetime(2024, 1, 1, tzinfo=utc), "u": d.datetime(2025, 1, 1, tzinfo=utc)},
    "keys": {"int": {1: "x"}, "float": {1.5: 1}, "none": {None: 1}, "true": {True: 1}, "bytes": {b"a": 1}, "tuple": {(1, 2): 1}, "time": {d.datetime(2024, 1, 1, tzinfo=utc): 1}, "mixed": {1: 1, "1": 2}},
    "many": {"list": list(range(1000)), "more": list(range(1001)), "dict": {str(i): i for i in range(1001)}, "objects": [uuid.UUID(int=i) for i in range(300)], "set": set(range(1000))},
    "long": {"text": "x" * 300, "utf8": "é" * 128, "bytes": b"x" * 300},
    "frames": {"a": ["%06d" % i for i in range(20000)], "large": "x" * 70000, "then": 1, "blob": b"y" * 65531, "almost": b"y" * 65530, "array": bytearray(b"z" * 66000)},
    "flashes": {"_permanent": True, "_flashes": [("message", "hi"), ("error", "no")], "csrf_token": "abc", "_user_id": "7", "_fresh": True},
}
for name, value in values.items():
    for protocol in range(6):
        print(json.dumps([name, protocol, pickle.dumps(value, protocol).hex(), msgspec.msgpack.encode(value).hex()]))
unusual = {"zone": {"z": d.timezone.utc, "east": d.timezone(d.timedelta(hours=2)), "named": d.timezone(d.timedelta(0), "Z")}, "markup": {"m": Markup("<b>")}, "huge": [2**64, -2**63 - 1, 2**2040 - 1, 2**2040]}
for name, value in unusual.items():
    for protocol in range(6):
        print(json.dumps([name, protocol, pickle.dumps(value, protocol).hex(), None]))
