"""The Flask half: the shop's accounts."""

import os

from flask import Flask, redirect, session
from flask_session import Session
from redis import Redis

app = Flask(__name__)
app.config.update(
    SESSION_TYPE="redis",
    SESSION_REDIS=Redis.from_url(os.environ.get("REDIS_URL", "redis://localhost:6379")),
    SESSION_COOKIE_SAMESITE="Lax",
    SESSION_COOKIE_SECURE=False,  # True as soon as both servers use https
    SESSION_REFRESH_EACH_REQUEST=False,  # a request that only reads must not write: see the guide
)
Session(app)


@app.get("/account")
def account():
    return f"{session.get('_user_id', 'guest')}, {len(session.get('cart', []))} in the cart\n"


@app.post("/account/login")
def login():
    session["_user_id"] = "ada"  # after your own check
    app.session_interface.regenerate(session)
    return redirect("/account", 303)


@app.post("/account/logout")
def logout():
    session.clear()
    return redirect("/account", 303)


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "5000")))
