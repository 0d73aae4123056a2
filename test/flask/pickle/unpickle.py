"""Reads pickles as hexadecimal lines, and prints what this Python makes of each: its repr."""

import collections, pickle, sys


class Shown:
    """An OrderedDict, which Pythons show in two ways."""

    def __init__(self, items):
        self.items = items

    def __repr__(self):
        return f"<OrderedDict {list(self.items.items())}>"


for line in sys.stdin:
    value = pickle.loads(bytes.fromhex(line.strip()))
    print({key: Shown(item) if type(item) is collections.OrderedDict else item for key, item in value.items()})
