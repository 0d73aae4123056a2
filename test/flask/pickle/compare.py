"""Reads two pickles as hexadecimal lines: whether all that is in the first is the same in the second, and its protocol."""

import json
import pickle
import pickletools
import sys

before, after = (bytes.fromhex(line.strip()) for line in sys.stdin)
old, new = pickle.loads(before), pickle.loads(after)


def same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return [*one] == [*other] and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or repr(one) == repr(other)


is_same = all(same(value, new.get(key)) for key, value in old.items())
if "kept" in old:
    is_same = is_same and same(old["kept"], new["copy"])
print(json.dumps({"same": is_same, "protocol": max(op.proto for op, _, _ in pickletools.genops(after))}))
