"""A small Flask app whose people sign in with accounts."""

from __future__ import annotations

import os

from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, redirect, render_template, request, session, url_for
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

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

# begin sign-out from there
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
ENDED = {}  # sid or sub, and when it ended. With more than one process: in a store that they share


@app.post("/backchannel-logout")
def backchannel_logout():
    try:
        said = logout_claims(request.form.get("logout_token", ""))
    except (JoseError, ValueError):
        return "", 400
    ENDED[said.get("sid", said.get("sub"))] = said["iat"]
    return "", 200, {"Cache-Control": "no-store"}


@app.before_request
def forget_who_is_signed_out():
    user = session.get("user")
    if user and max(ENDED.get(user["sid"], 0), ENDED.get(user["sub"], 0)) >= user["iat"]:
        del session["user"]


def logout_claims(token):
    """Return the claims of a logout token. Raises JoseError or ValueError where it is none for this app."""
    keys = KeySet.import_key_set(oidc.fetch_jwk_set(force=True))  # keys are replaced now and then
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    due = {"iss": oidc.load_server_metadata()["issuer"], "aud": oidc.client_id}
    needed = {name: {"essential": True} for name in ("iat", "exp", "events")}
    checks = needed | {name: {"essential": True, "value": value} for name, value in due.items()}
    JWTClaimsRegistry(leeway=60, **checks).validate(claims)
    if LOGOUT_EVENT not in claims["events"] or "nonce" in claims or not {"sub", "sid"} & claims.keys():
        raise ValueError("an ID token, or no logout token")
    return claims


# end sign-out from there


@app.get("/")
def home():
    return render_template("home.html", user=session.get("user"))


if __name__ == "__main__":
    app.run("localhost", int(os.environ.get("PORT", "5001")))
