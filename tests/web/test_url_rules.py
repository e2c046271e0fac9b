"""The rules of the service: how many Werkzeug has to know, and that they cost little before they are used."""

from __future__ import annotations

from collections.abc import Callable

from flask import url_for

from accounts.web.kit.lazy_rule import LazyRule
from tests.people import Service

RULES = 628
"""Of pages, each with and without a language, of JSON, and of twelve kinds of links. Each more is read at start."""


def test_the_rules_are_as_many_as_are_known(make_service: Callable[..., Service]) -> None:
    rules = list(make_service().app.url_map.iter_rules())
    assert len(rules) == RULES
    assert {type(rule) for rule in rules} == {LazyRule}


def test_an_address_is_built_as_by_werkzeug(make_service: Callable[..., Service]) -> None:
    app = make_service().app
    with app.test_request_context("/"):
        urls = [url_for("accounts.end_session", session_id="a b/ö", x="1", y=["2", "3"]) for _ in range(2)]
        assert url_for("accounts.end_session", session_id="id", prefix="de") == "/de/account/sessions/id/end"
    assert urls == ["/account/sessions/a%20b/%C3%B6/end?x=1&y=2&y=3"] * 2
