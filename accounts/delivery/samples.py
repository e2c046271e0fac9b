"""Provide sample values for each email: for tests and for ``accounts mail preview``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from accounts.core.outbox import Letter

SAMPLE_ORIGIN = "https://accounts.example.org"
SAMPLE_EMAIL = "anna.mueller@example.org"

SAMPLE_TIME = datetime(2026, 11, 23, 13, 35, tzinfo=UTC)
"""When the samples are written."""

_REQUEST: Mapping[str, object] = {
    "at": SAMPLE_TIME,
    "network": "2001:db8:7:1::/64",
    "agent": "Safari on iPhone",
}
_UNTIL = SAMPLE_TIME + timedelta(minutes=30)
_UNTIL_LATER = SAMPLE_TIME + timedelta(hours=72)


def _link(purpose: str) -> str:
    # As long as a real one, so that lines and layouts are judged with it.
    token = "WyJBYmNEZWZHaElqS2xNbk9wIixbIjRmMmE" + "x-_" * 18 + "aQ8mWQ.3vXw7JtL2c_0gY"
    return f"{SAMPLE_ORIGIN}/l/{purpose}/{token}/go"


_NAME = "Anna Müller"


def _account_facts(purpose: str, **extra: object) -> Mapping[str, object]:
    """Return the values of an email that has a link of this purpose for a user with an account."""
    return {"name": _NAME, "link": _link(purpose), "until": _UNTIL, "asked": _REQUEST} | extra


_IDENTITY: Mapping[str, object] = {
    "name": _NAME,
    "link": _link("not-me"),
    "at": SAMPLE_TIME,
    "until": _UNTIL_LATER,
    "label": "Work & Play",
    "shown": "anna@work.example",
    "asked": _REQUEST,
}

SAMPLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "account-closed": {"asked": _REQUEST},
        "account-deleted": {},
        "activate": {"link": _link("activate"), "until": _UNTIL, "asked": _REQUEST},
        "already-registered": {
            "sign_in_url": f"{SAMPLE_ORIGIN}/sign-in",
            "forgot_url": f"{SAMPLE_ORIGIN}/forgot-password",
            "asked": _REQUEST,
        },
        "apps-to-review": {
            "name": _NAME,
            "at": SAMPLE_TIME,
            "recovered": "bert@example.org",
            "apps": ["Wiki", "Friends & family"],
            "apps_url": f"{SAMPLE_ORIGIN}/admin/apps",
        },
        "change-email": _account_facts("change-email"),
        "close-account": _account_facts("close-account"),
        "close-refused": _account_facts("undo-email-change", at=SAMPLE_TIME, until=_UNTIL_LATER),
        "email-changed": _account_facts("undo-email-change", at=SAMPLE_TIME, until=_UNTIL_LATER),
        "email-restored": {"at": SAMPLE_TIME, "asked": _REQUEST},
        "host-link": _account_facts(
            "join-newsletter",
            title="Join the newsletter",
            explanation="You get one email a month.",
            button="Yes, please",
        ),
        "identity-connected": _IDENTITY,
        "identity-disconnected": _IDENTITY,
        "invite": {
            "link": _link("invite"),
            "until": SAMPLE_TIME + timedelta(days=14),
            "name": _NAME,
            "inviter": "Bert O'Neill",
            "app": "Wiki",
            "message": "We meet on Fridays in room 12.\nBring a laptop & some patience.",
            "groups": ["editors", "Friends & family"],
        },
        "join-shared": {
            "link": _link("join-shared"),
            "until": _UNTIL,
            "title": "Class 7b & friends",
            "groups": ["editors", "Friends & family"],
            "member": False,
            "asked": _REQUEST,
        },
        "password-changed": _account_facts("not-me", at=SAMPLE_TIME, until=_UNTIL_LATER, taken={}),
        "password-void": _account_facts(
            "reset-password",
            forgot_url=f"{SAMPLE_ORIGIN}/forgot-password",
            taken={
                "identities": ["Work & Play"],
                "consents": ["Wiki", "Friends & family"],
                "admin_invites": 1,
                "invites": 13,
                "apps": ["Wiki"],
            },
        ),
        "request-account": {"link": _link("request-account"), "until": _UNTIL, "asked": _REQUEST},
        "request-decided": {
            "name": _NAME,
            "applicant": "ida@example.org",
            "applicant_name": "Ida Example",
            "approved": True,
            "decider": "Bert O'Neill",
            "decider_email": "bert@example.org",
            "at": SAMPLE_TIME,
        },
        "request-declined": {
            "name": _NAME,
            "reason": "Please ask the school office first.",
            "support": "office@example.org",
        },
        "reset-password": _account_facts("reset-password"),
        "review-request": _account_facts(
            "review-request", applicant="ida@example.org", applicant_name="Ida Example", app="Wiki"
        ),
        "sign-in": _account_facts("sign-in"),
        "unlock": _account_facts("unlock"),
    }
)
"""Values of each email, by its name; ``link`` is its link. ``email-changed`` may come without."""


def sample_letter(name: str, locale: str = "en") -> Letter:
    """Return the sample email of a name.

    :raises KeyError: there is no such email.
    """
    facts = dict(SAMPLES[name])
    link = facts.pop("link", None)
    return Letter(words=name, to=SAMPLE_EMAIL, locale=locale, context=facts, link=link)
