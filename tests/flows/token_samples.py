"""One payload of each kind of token, and the tokens that were made of them before kinds were declared."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from accounts.core.messages import nN_
from accounts.core.signing.keys import Key
from accounts.flows.forward_auth import ForwardSession, HandoverToken, HostSession, StartToken
from accounts.flows.invites.shared_terms import SharedTerms
from accounts.flows.oidc.backchannel import LogoutStatus
from accounts.flows.oidc.note import AuthorizationNote
from accounts.flows.oidc.tokens import AccessToken, AuthorizationCode, RefreshToken
from accounts.flows.oidc.trial_state import TrialState
from accounts.flows.sessions.csrf_token import CsrfToken
from accounts.flows.sessions.notice import make_notice
from accounts.flows.sessions.session import Session
from accounts.flows.shared.asked_mail import AskedMail
from accounts.flows.sign_in.devices import KnownDevice
from accounts.flows.upstream.waiting import PendingSignIn

SIGNED_AT = 1767225600
"""2026-01-01, when the tokens below were signed."""
ORIGIN = "https://ac.example.org"
NONCE_DIGEST = "9e3f156324d42f0ea4b6f4fce81d56fb"


SHARED_TERMS: dict[str, Any] = {
    "id": "i1",
    "places": 30,
    "ends": SIGNED_AT + 86400,
    "groups": ["pupils"],
    "inviter": "a9",
    "locale": "de",
    "domain": ".example.org",
    "title": "Klasse 7b",
    "next": "/x",
}


def sample_payloads(key: Key, at: int = SIGNED_AT) -> dict[str, Any]:
    """What a token of each purpose may say.

    :param key: the key that signs.
    :param at: when, in seconds since 1970.
    """
    wiki = "https://wiki.example.org"
    session = Session(
        id="s1",
        account_id="a1",
        epoch=3,
        started_at=at,
        auth_time=at - 5,
        amr=("pwd", "otp"),
        remember=True,
        password_verified_at=at - 5,
        csrf_secret="csrf-secret",
        last_seen_at=datetime.fromtimestamp(at, UTC),
    )
    code = AuthorizationCode(
        id="n1",
        account_id="a1",
        epoch=3,
        session_id="s1",
        session_ends=at + 100,
        auth_time=at - 5,
        amr=("pwd",),
        app_id="c1",
        redirect_uri="https://app.example.org/cb",
        challenge="ch",
        nonce="no",
        scope=("openid", "email"),
        claims={"id_token": ["email"]},
        acr=True,
    )
    handed_over = ForwardSession("a1", 3, "s1", int(session.expires_at.timestamp()))
    return {
        "session": session,
        "csrf": CsrfToken("7a74316cbd7bff4ff5254596c29c3985"),
        "mail-asked": AskedMail("reset-password", 1800, "ann@example.org", "/x"),
        "notice": make_notice(nN_("%(count)s invitation", "%(count)s invitations"), count=2),
        "device": KnownDevice((("a1", 3), ("a2", 1))),
        "oauth-asked": AuthorizationNote("d1g35t", at, "s1"),
        "oauth-code": code,
        "oauth-access": AccessToken("g1", at + 600, ("openid", "email"), "t1", at),
        "oauth-refresh": RefreshToken("g1", 4),
        "forward-trip": StartToken(wiki, "/page?x=1", NONCE_DIGEST),
        "forward-pass": HandoverToken("n1", handed_over, wiki, "/page?x=1", NONCE_DIGEST),
        "forward-visit": HostSession(ForwardSession("a1", 3, "s1", at + 3600), wiki),
        "upstream": PendingSignIn("corp", "join", "/x", "s1", "l1", "st", "no", "ve"),
        "try-app": TrialState("c1", "a1", key, "n1"),
        "signed-out": LogoutStatus("logout-1"),
        "shared-invite": SharedTerms(**SHARED_TERMS, signed=at),
    }


# Signed with KEY of tests/conftest.py.
EARLIER_TOKENS = {
    "mail-asked": (
        "WyJyZXNldC1wYXNzd29yZCIsMTgwMCwiYW5uQGV4YW1wbGUub3JnIiwiL3giLCIiLCIiXQ.aVW5AA.o6ER1VrXbZZQ"
        "t--5G33yU7e5bbEDMOlLiVBY5ZT-_0E"
    ),
    "session": (
        ".eJyLVko0VNIx1lEqBlKG5mbmRkamZgYGMKappalOtFJBeYqSjlJ-SYFSrI4hspRScnFRmm5xanJRaolSLACcmxMQ."
        "aVW5AA.qPE3ElEEGiM8XhT5QjaFzHdUpPM3VXczeLmCzaor_hc"
    ),
    "csrf": ("IjdhNzQzMTZjYmQ3YmZmNGZmNTI1NDU5NmMyOWMzOTg1Ig.aVW5AA.sAmkzak3m3olya8_cCPiMVLQM5BLl2VBkFUgmR05Am4"),
    "notice": (
        ".eJyLVlLVSM4vzSvRLFbIzCvLLEksyczPU9LBKlyspFOtBBZWsjKq1UlLzClOjQUA9S4XAg.aVW5AA."
        "VA-azbkL-gA1NfjW9PUkMLFEllTpGpNyDBB64WcAyik"
    ),
    "device": "W1siYTEiLDNdLFsiYTIiLDFdXQ.aVW5AA.y9wizbmfxldpMk2UEkcYNIv-v54MAdrO5w5_lTtUkAQ",
    "oauth-asked": "WyJkMWczNXQiLDE3NjcyMjU2MDAsInMxIl0.aVW5AA.Q0fMQ_L4zRQR2YgvIkW0fLjtW3LZYaskoJ0AJ1dcu74",
    "oauth-code": (
        ".eJw1S0sKgzAUvMusg1FLGupVgpQ0edRQTR6aUkF6974u3Mx_HHIHBS9wUdiEOnu1fW9s257S3Ixy4E_EqBD-86lW3"
        "gatPXNDu194pqasTx0eUoZJIBfIpzDlFMXS4tMs9wMp3mt5UcbgzvSr6vqm8Qf-oyh8.aVW5AA.N0Wxx9HGFZ_FnLS"
        "0RfQCsuioh-5wAXFWIIzKr-sPHuI"
    ),
    "oauth-access": (
        "WyJnMSIsMTc2NzIyNjIwMCwib3BlbmlkIGVtYWlsIiwidDEiXQ.aVW5AA.YgnEOjIZo65DhVdWZHPCbbsZKgqciC14HTZOEhAkMGY"
    ),
    "oauth-refresh": "WyJnMSIsNF0.aVW5AA.gBZkJcF-UlBg1Lr96gAB73bggBwD3glA_GKJwNMyuZg",
    "forward-trip": (
        "WyJodHRwczovL3dpa2kuZXhhbXBsZS5vcmciLCIvcGFnZT94PTEiLCI5ZTNmMTU2MzI0ZDQyZjBlYTRiNmY0ZmNlOD"
        "FkNTZmYiJd.aVW5AA.4AgigbG2-xX0U3IGp7j9M8b6BIAQGK71v8h7anA5i8Y"
    ),
    "forward-visit": (
        "W1siYTEiLDMsInMxIiwxNzY3MjI5MjAwXSwiaHR0cHM6Ly93aWtpLmV4YW1wbGUub3JnIl0.aVW5AA.IIx8WUgGu55"
        "L4okLj0RJr2h8icel8Tmksyn-BvSUc2w"
    ),
    "forward-pass": (
        ".eJwNy0sOQDAURuG9_ONGW616JGIhYlDci3g1SFi-Tr4zOi0ODdHCR43AHaNzVxYRpTqB-XnCXUn5LuuS0Of3sFFyX"
        "hMEZPATNV8dF5RkWGfOpHa0KSvytndseaBCj5njHt0P4v4deA.aVW5AA.Fb_rJga8RoKUDlQX3OquSpUwTY7nygllf"
        "UyAIptAjY8"
    ),
    "upstream": (
        ".eJyLVkrOLypQ0lHKys_MA1L6FUCi2BBI5ICI4hIgkZcPJMpSlWIBHFUL-A.aVW5AA.qc4IOJH89XrDwPgagRXU4PX"
        "u3Xzbo-hzTNS_nSO95Rs"
    ),
    "try-app": "WyJjMSIsImExIiwibjEiXQ.aVW5AA.lwKcWOcJYsKUUfHq_U3pRSXvTkFO-vU8HphVGJlErDs",
    "shared-invite": (
        "WyJpMSIsMzAsMTc2NzMxMjAwMCxbInB1cGlscyJdLCJhOSIsImRlIiwiLmV4YW1wbGUub3JnIiwiS2xhc3NlIDdiIiwiL3giXQ"
        ".aVW5AA.DBuNz-SluSkASTHszr5U2TbScRTPfN25lCHYfqp15is"
    ),
    "signed-out": "ImxvZ291dC0xIg.aVW5AA.vwExavC8vnKrN0xTRbujIVtJhri86tc3iScC7DEOCak",
}
EARLIER_LINKS = {
    "activate": "WyIwPnkwKmFkYUBleGFtcGxlLm9yZyJd.aVW5AA.wkOVHzOwmo1rgKXnqBj5nX3rfvCaFHRBUPrRiXZuBYs",
    "invite": (
        "WyJhZGFAZXhhbXBsZS5vcmciLCJpMSIsMTc2NzMxMjAwMCxbInN0YWZmIl0sImE5IiwiZGUiLCIveCJd.aVW5AA.JR"
        "4kJA6eUGSii7tmLBpzhRIQZLABqo8WjoqVwpfLe3M"
    ),
    "join-shared": (
        ".eJyLVkpMSXRIrUjMLchJ1csvSlfSUco0VNIxNtAxNDczNzY0MjAw0IlWKigtyMwpVorVUUq0BCpJSQUSeqjavHMSi4tTFcyTgGz9CiW"
        "wfiMjUzOgfqUCQxjfEmhgLADK4B-h.aVW5AA.b7YCmkkCOFRFo3ksmTh5eAOSUImgPN5pWTnrZqXrxvU"
    ),
    "reset-password": (
        "WyJyX1RqO2hSanJ-bj1Bcm1IWG08NWExIiwiL3giXQ.aVW5AA.Ercae-a-t1yveUB1pY4pWubXgrHJUr4F9w5SzryW_5Q"
    ),
    "sign-in": "WyJQS0hDckIhJX5FbCk2RCFhMSIsIi94Il0.aVW5AA.dmgx-JiR1GGJMFxLhx78Uhok15mNVhqvLzci0jCX2SA",
    "change-email": (
        "WyJvSnA5Wm53Y1YyJnxPdFdhMSIsIm5ld0BleGFtcGxlLm9yZyJd.aVW5AA.rOpZ7hvdLxtAsoMecfTZXBFd3eFoC6Hcpmn5oLyIaJo"
    ),
    "undo-email-change": "WyJnNXE5a2ExIl0.aVW5AA.Mmsnsvib66X2NRDVDBqjK03BGhrYqt62oaqQqxxs5d8",
    "unlock": "WyJ7aVozPmExIl0.aVW5AA.8cXOK10uuh7sWTEp1TgpaTIDQg0H5vlNMLF2bpeMtCs",
    "close-account": "WyJ2KElwZXctQiU8YTEiXQ.aVW5AA.3gUHEu02N-yWJwaWydkw3d8x2grN3IQy4FhKIzLWsyU",
    "not-me": "WyJzfFFacUVfKH5WYTEiXQ.aVW5AA.uaCRgPhH_N-48X-MWo27fRT-oqyzkgSZ__T7VejdmGg",
    "request-account": (
        "WyJCZk03R2FkYUBleGFtcGxlLm9yZyIsIm4xIiwiZGUiLCIveCJd.aVW5AA.voJcJ5F3AjMSkbH1kMV9hLfaZerElb2AsS0_cb544zM"
    ),
    "review-request": (
        "WyJhMSIsIm4xIiwxNzY3MzEyMDAwLDE3NjcyMjU2MDAsImsuYWJjIl0.aVW5AA.s_Ee1IDaNhX4YlqS6R3AqrfRyCkyz2VZ6njx0WT3KCA"
    ),
}
EARLIER_VERIFIER = "773032b27576b264acf29b2fa5fcd7c400d65874e972f989077047d9ed7d8219"
"""The PKCE verifier that the code of then derived from the token ``try-app``."""
