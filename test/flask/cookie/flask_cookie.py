"""Flask's own cookie session: lines of JSON say what to do, lines of JSON answer. The clock is the one of the line."""

import datetime, json, sys, time, uuid

import flask
from markupsafe import Markup

now = 0.0
time.time = lambda: now  # what itsdangerous asks

app = flask.Flask("app")


@app.get("/<action>")
def act(action):
    session = flask.session
    if action == "begin":
        session["text"] = "Zoë €"
        session["float"] = 1.0
        session["large"] = 2**53 + 1
        session["tuple"] = (1, 2, (3,))
        session["uuid"] = uuid.UUID(int=5)
        session["bytes"] = b"\0\xff"
        session["markup"] = Markup("<b>")
        session["when"] = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        session["nested"] = {"a": [1.0, {" t": 1}]}
        flask.flash("hello", "info")
    elif action == "permanent":
        session.permanent = True
    elif action == "long":
        session["long"] = "abc" * 1000
    elif action == "end":
        session.clear()
    return repr({key: session[key] for key in sorted(session)})


for line in sys.stdin:
    asked = json.loads(line)
    now = asked["now"]
    app.config.update(SECRET_KEY=asked["key"], SECRET_KEY_FALLBACKS=asked.get("fallbacks", []))
    client = app.test_client(use_cookies=False)
    headers = {"Cookie": asked["cookie"]} if asked.get("cookie") else {}
    response = client.get("/" + asked["action"], headers=headers)
    print(json.dumps({"body": response.get_data(as_text=True), "setCookie": response.headers.get("Set-Cookie")}), flush=True)
