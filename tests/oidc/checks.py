"""What a token endpoint said, and tokens that outlive a session."""

from __future__ import annotations

import requests

from tests.oidc.kit import BrowserUser, RelyingParty, Tokens


def oauth_error(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()["error"]


def offline_tokens(rp: RelyingParty, ana: BrowserUser) -> Tokens:
    return rp.tokens(ana.log_in(rp, scope="openid email offline_access"))
