"""Pages that are kept are answered before Flask as Flask would, and each with a token of its own."""

from __future__ import annotations

import pytest

from accounts.flows.sessions import session as sessions
from tests.web.twins import Ask, Twins, make_twins

twins = make_twins


def test_pages_of_strangers(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    good, visitor = twins.cookie(), twins.cookie(sessions.create_visitor_session())
    for path in ("/sign-in", "/sign-up"):
        # The first one is made in Flask, and kept.
        for service in (twins.by_front, twins.by_flask):
            for language in ("en", "de"):
                service.app.test_client().get(path, headers={"Accept-Language": language})
        table = {
            "200 plain": Ask(path),
            "200 in German": Ask(path, {"Accept-Language": "de-AT"}),
            "200 by a browser": Ask(path, {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}),
            "200 to a visitor": Ask(path, visitor),
            "200 to who is signed in": Ask(path, good, by_front=False),
            "200 with junk for a cookie": Ask(path, {"Cookie": "__Host-session=junk"}),
            "200 with a query": Ask(f"{path}?next=/x&email=a@example.org", by_front=False),
            "200 in the address of a language": Ask(f"/de{path}", by_front=False),
            "200 below another path": Ask(path, by_front=False, environ={"SCRIPT_NAME": "/below"}),
            "200 head": Ask(path, by_front=False, method="HEAD"),
            "403 posted": Ask(path, by_front=False, method="POST", form=[("email", "a@example.org")]),
        }
        assert twins.ask_all(table, monkeypatch) == {name: name[:3] for name in table}


def test_a_kept_page_has_a_session_and_a_token_of_its_own(twins: Twins) -> None:
    client = twins.by_front.app.test_client(use_cookies=False)
    client.get("/sign-in")
    answers = [client.get("/sign-in") for _ in range(2)]
    assert answers[0].headers["Set-Cookie"] != answers[1].headers["Set-Cookie"]
    assert answers[0].text != answers[1].text
