"""The real cachelib over a directory: python cachelib.py DIRECTORY HASH THRESHOLD, then a JSON list of steps on stdin.

Each step is ["set", key, value, timeout], ["get", key], ["delete", key] or ["count"]; the answers are a JSON list.
"""

import hashlib
import json
import sys

# Not this file.
sys.path.pop(0)
from cachelib import FileSystemCache  # noqa: E402

directory, hash_name, threshold = sys.argv[1:]
cache = FileSystemCache(directory, threshold=int(threshold), hash_method=getattr(hashlib, hash_name))
steps = {
    "set": cache.set,
    "get": cache.get,
    "delete": cache.delete,
    "count": lambda: cache._file_count,
}
print(json.dumps([steps[name](*args) for name, *args in json.load(sys.stdin)]))
