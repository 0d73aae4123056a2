"""Objects as Flask applications keep them in sessions, of classes that JavaScript has no word for."""

import collections
import datetime as d
import decimal
import enum
import fractions
import zoneinfo


class Color(enum.Enum):
    RED = 1


class OAuth2Token(dict):
    """As Flask-Dance and Authlib keep it: a dict with attributes."""

    def __init__(self, params):
        super().__init__(params)
        self.scope = "all"


class Profile:
    def __init__(self, name):
        self.name, self.me, self.tags = name, self, ["a", ("b", None)]

    def __eq__(self, other):
        return self.name == other.name and self.tags == other.tags and other.me is other


class Keyed:
    def __new__(cls, *, name):
        self = super().__new__(cls)
        self.name = name
        return self

    def __getnewargs_ex__(self):
        return (), {"name": self.name}

    def __eq__(self, other):
        return self.name == other.name


class Tags(list):
    pass


class Words(set):
    pass


Point = collections.namedtuple("Point", "x y")
berlin = zoneinfo.ZoneInfo("UTC")
defaults = collections.defaultdict(list, a=[1], b=[2.0])
shared = ["again"]
values = {
    "defaultdict": defaults,
    "token": OAuth2Token({"access_token": "t", "expires_at": 1.5}),
    "zoned": {"at": d.datetime(2024, 1, 2, 3, 4, 5, 6, berlin), "zone": berlin, "time": d.time(3, tzinfo=berlin)},
    "enum": [Color.RED, Color.RED],
    "object": Profile("ada"),
    "shared": {"a": shared, "b": collections.deque([shared, shared], 5)},
    "counter": collections.Counter("hello"),
    "point": Point(1, 2.0),
    "list": Tags([1, Profile("x")]),
    "set": Words({"a", "b"}),
    "fraction": fractions.Fraction(1, 3),
    "class": Profile,
    "range": range(1, 9, 2),
    "complex": 1 + 2j,
    "key": {Point(1, 2): 1, fractions.Fraction(1, 2): Color.RED},
    "in a set": {Point(3, 4)},
    "error": decimal.Decimal("1.10").as_tuple(),
}
# Only the newer protocols have it.
newer = {"keywords": Keyed(name="x")}
