"""The real Flask with the real Flask-Session, told by each request what to do with its session.

python app.py CONFIG, where CONFIG is JSON:
  backend  {"type": "redis", "url": ...} and the like, see `client_for`; {"type": "cookie"} is Flask's own session.
  login    true: with Flask-Login, which knows every user.
  config   what else goes into app.config: SECRET_KEY, SESSION_USE_SIGNER, SESSION_PERMANENT, ...
Prints "listening PORT" when it serves. Each request is handled in a thread of its own.

POST /do takes a JSON list of steps and answers {"session": repr, "permanent": bool, "results": [...]}.
"""

import ast
import datetime
import decimal
import json
import sys
import threading
import uuid
import warnings

from flask import Flask, flash, get_flashed_messages, request, session
from flask_login import LoginManager, UserMixin, current_user, login_fresh, login_user, logout_user
from flask_session import Session
from markupsafe import Markup
from werkzeug.serving import WSGIRequestHandler, make_server

warnings.simplefilter("ignore")

PATIENCE = 20

makers = {
    "datetime": datetime.datetime,
    "date": datetime.date,
    "time": datetime.time,
    "timedelta": datetime.timedelta,
    "timezone": datetime.timezone,
    "Decimal": decimal.Decimal,
    "UUID": uuid.UUID,
    "Markup": Markup,
    "float": float,
    "set": set,
}


def value_of(node):
    """A Python literal, or a call of one of `makers` with such: nothing else is evaluated."""
    if isinstance(node, ast.Expression):
        return value_of(node.body)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        given = {one.arg: value_of(one.value) for one in node.keywords}
        return makers[node.func.id](*map(value_of, node.args), **given)
    if isinstance(node, ast.Attribute) and ast.unparse(node) == "timezone.utc":
        return datetime.timezone.utc
    if isinstance(node, ast.Dict):
        return {value_of(key): value_of(value) for key, value in zip(node.keys, node.values)}
    if isinstance(node, ast.List):
        return [value_of(one) for one in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(value_of(one) for one in node.elts)
    return ast.literal_eval(node)


def parse(text):
    return value_of(ast.parse(text, mode="eval"))


def client_for(app, backend):
    """Puts the backend's client into the configuration, as an application would."""
    kind = backend["type"]
    config = app.config
    config["SESSION_TYPE"] = kind
    if kind == "redis":
        import redis

        config["SESSION_REDIS"] = redis.from_url(backend["url"])
    elif kind == "memcached":
        from pymemcache.client.base import PooledClient

        # Without an answer awaited, a write may arrive after the response: up to 40 ms, by what TCP delays.
        config["SESSION_MEMCACHED"] = PooledClient(backend["address"], default_noreply=False)
    elif kind == "filesystem":
        config["SESSION_FILE_DIR"] = backend["directory"]
    elif kind == "cachelib":
        import cachelib

        makes = {"files": cachelib.FileSystemCache, "redis": cachelib.RedisCache}
        config["SESSION_CACHELIB"] = makes[backend["cache"]](**backend.get("options", {}))
    elif kind == "sqlalchemy":
        from flask_sqlalchemy import SQLAlchemy

        config["SQLALCHEMY_DATABASE_URI"] = backend["url"]
        config["SESSION_SQLALCHEMY"] = SQLAlchemy(app)
    elif kind == "mongodb":
        import pymongo

        config["SESSION_MONGODB"] = pymongo.MongoClient(backend["url"])
    elif kind == "dynamodb":
        import boto3

        config["SESSION_DYNAMODB"] = boto3.resource("dynamodb", **backend["options"])
    else:
        raise ValueError(kind)


class User(UserMixin):
    def __init__(self, id):
        self.id = id


def make_app(given):
    app = Flask(__name__)
    app.config.update(given.get("config", {}))
    if given["backend"]["type"] != "cookie":
        client_for(app, given["backend"])
        Session(app)
    if given.get("login"):
        LoginManager(app).user_loader(User)

    gates = {}
    lock = threading.Lock()

    def gate(name):
        """Two events: a handler has come to the gate, and the gate is open."""
        with lock:
            return gates.setdefault(name, (threading.Event(), threading.Event()))

    def wait(name):
        came, opened = gate(name)
        came.set()
        if not opened.wait(PATIENCE):
            raise TimeoutError(f"nobody opened {name}")

    def permanent(value):
        session.permanent = value

    def modified():
        session.modified = True

    def fail():
        raise RuntimeError("asked to fail")

    steps = {
        "set": lambda key, text: session.__setitem__(parse(key), parse(text)),
        "get": lambda key: repr(session.get(parse(key))),
        "delete": lambda key: session.pop(parse(key), None) and None,
        "append": lambda key, text: session[parse(key)].append(parse(text)),
        "modified": modified,
        "clear": lambda: session.clear(),
        "permanent": permanent,
        "regenerate": lambda: app.session_interface.regenerate(session),
        "flash": lambda text, category: flash(text, category),
        "flashed": lambda: repr(get_flashed_messages(with_categories=True)),
        "login": lambda id: login_user(User(id)) and None,
        "logout": lambda: logout_user() and None,
        "who": lambda: repr((current_user.get_id(), login_fresh())),
        "wait": wait,
        "fail": fail,
    }

    @app.post("/do")
    def do():
        results = [steps[name](*args) for name, *args in json.loads(request.get_data())]
        body = {"session": repr(dict(session)), "permanent": session.permanent, "results": results}
        return json.dumps(body), {"Content-Type": "application/json"}

    @app.post("/nothing")
    def nothing():
        return "{}"

    @app.post("/came/<name>")
    def came(name):
        return "{}" if gate(name)[0].wait(PATIENCE) else ("nobody came", 504)

    @app.post("/open/<name>")
    def open_gate(name):
        gate(name)[1].set()
        return "{}"

    return app


class Quiet(WSGIRequestHandler):
    """HTTP/1.1 and no log line for each request, which would show nothing but the path anyway."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *args):
        pass


def main():
    app = make_app(json.loads(sys.argv[1]))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    print(f"listening {server.server_port}", flush=True)
    # Whoever started it is gone when its input ends.
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
