"""A small Flask app whose people sign in with accounts."""

from __future__ import annotations

import os

from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, redirect, render_template, session, url_for

app = Flask(__name__)
app.config.from_mapping(SESSION_COOKIE_SAMESITE="Lax")
app.config.from_prefixed_env()  # FLASK_SECRET_KEY, FLASK_OIDC_CLIENT_ID, _CLIENT_SECRET, _SERVER_METADATA_URL

# begin sign-in
ASKS = {"scope": "openid profile email groups", "code_challenge_method": "S256"}
oidc = OAuth(app).register("oidc", client_kwargs=ASKS)
app.register_error_handler(OAuthError, lambda error: (render_template("home.html", error=error), 400))


@app.get("/sign-in")
def sign_in():
    return oidc.authorize_redirect(url_for("callback", _external=True))


@app.get("/callback")
def callback():
    token = oidc.authorize_access_token()  # state, PKCE, nonce, signature, issuer, audience, age: all checked
    session["user"] = {**token["userinfo"], "hint": token["id_token"]}
    return redirect(url_for("home"))


@app.post("/sign-out")
def sign_out():
    return oidc.logout_redirect(url_for("home", _external=True), id_token_hint=session.pop("user", {}).get("hint"))


# end sign-in


@app.get("/")
def home():
    return render_template("home.html", user=session.get("user"))


if __name__ == "__main__":
    app.run("localhost", int(os.environ.get("PORT", "5001")))
