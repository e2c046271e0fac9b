"""Every cookie that any answer sets: its name, its attributes, what it says, and what junk in its place does."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from itsdangerous import URLSafeSerializer
from werkzeug.test import TestResponse

from accounts.flows import LINKS
from tests.people import PASSWORD, Service, token_of_url
from tests.web.endpoints import HTTPS, csrf_token, list_endpoints, request_endpoint
from tests.web.live_links import FORM_DATA, browser_for_link, make_link_url
from tests.web.test_mutated_tokens import mutated

PURPOSES = [link.purpose for link in LINKS]


def set_cookies(answer: TestResponse) -> list[tuple[str, str, set[str]]]:
    """Name, value and lower-case attributes of each cookie that an answer sets."""
    found = []
    for header in answer.headers.getlist("Set-Cookie"):
        pair, *attributes = header.split("; ")
        name, _, value = pair.partition("=")
        found.append((name, value, {each.lower() for each in attributes}))
    return found


def payload(cookie: str) -> list[Any]:
    """What anybody can read in a session's cookie."""
    body = cookie.rsplit(".", 2)[0]
    results: list[Any] = URLSafeSerializer("no key is needed").load_payload(body.encode())
    return results


def answers_of_everything(service: Service) -> Iterator[TestResponse]:
    """Every endpoint as stranger and as admin, every link from mail to act, sign-in, sign-out, asking for mail."""
    admin = service.admin()
    stranger = service.person()
    data = {"csrf_token": csrf_token(stranger), "email": admin.email}
    yield stranger.client.post("/forgot-password", data=data)
    for person in (service.person(), admin):
        for endpoint in list_endpoints(service):
            yield request_endpoint(endpoint, person)
            if person is admin and endpoint.route and endpoint.route.name == "sign_out":
                yield person.sign_in(remember=True)
    for purpose in PURPOSES:
        yield admin.sign_in()
        url = make_link_url(service, purpose, admin)
        person = browser_for_link(service, purpose, url)
        yield person.get(f"/l/{purpose}/{token_of_url(url)}/go")
        page = person.get(f"/l/{purpose}")
        yield page
        link_id = page.get_data(as_text=True).partition('name="link_id" value="')[2].partition('"')[0]
        data = {"csrf_token": csrf_token(person), "link_id": link_id, **FORM_DATA[purpose]}
        acted = person.client.post(f"/l/{purpose}", data=data)
        assert acted.status_code == 303
        yield acted


def test_every_cookie_is_this_hosts_alone_and_out_of_reach_of_scripts(make_service: Callable[..., Service]) -> None:
    service = make_service(public_origin=HTTPS)
    names = set()
    for answer in answers_of_everything(service):
        for name, value, attributes in set_cookies(answer):
            names.add(name)
            assert name.startswith("__Host-")
            assert {"secure", "httponly", "path=/", "samesite=lax"} <= attributes
            assert not any(each.startswith("domain") for each in attributes)
            assert len(name) + len(value) <= 4096
    links = {f"link-{purpose}" for purpose in PURPOSES}
    ours = {"session", "device", "forward-start", "mail-asked", "notice", *links}
    assert names == {f"__Host-{name}" for name in ours}


def test_on_plain_http_cookies_have_plain_names_and_the_same_reach(service: Service) -> None:
    for answer in answers_of_everything(service):
        for name, _, attributes in set_cookies(answer):
            assert not name.startswith("__")
            assert {"httponly", "path=/", "samesite=lax"} <= attributes
            assert "secure" not in attributes


def test_a_session_lasts_as_long_as_the_browser_unless_it_is_remembered(service: Service) -> None:
    member = service.member()
    (_, _, plain), (_, _, remembered) = (set_cookies(member.sign_in(remember=flag))[0] for flag in (False, True))
    assert not any(each.startswith(("max-age", "expires")) for each in plain)
    assert f"max-age={14 * 86400 - 1}" in remembered or f"max-age={14 * 86400}" in remembered


def test_the_cookie_says_no_address_no_name_and_no_role(service: Service) -> None:
    admin = service.admin()
    cookie = admin.client.get_cookie("session")
    assert cookie is not None
    text = json.dumps(payload(cookie.value)).lower()
    for secret in (admin.email, "admin", "example", "password", PASSWORD, "staple"):
        assert secret not in text


def test_none_of_a_thousand_mutated_cookies_is_anybody(service: Service) -> None:
    member = service.member()
    cookie = member.client.get_cookie("session")
    assert cookie is not None
    junk = mutated(cookie.value, random.Random("cookies"))
    client = service.app.test_client(use_cookies=False)
    for number in range(1000):
        given = next(each for each in junk if each != cookie.value)
        path = "/api/account" if number % 2 else "/account"
        raw = given.encode().decode("latin-1").replace("\n", "").replace("\r", "")
        if raw.strip() == cookie.value:  # blanks round a value are no part of it (RFC 6265 5.2)
            continue
        answer = client.get(path, headers={"Cookie": f"session={raw}"})
        assert answer.status_code == (401 if number % 2 else 303), given
    assert member.signed_in


@pytest.mark.parametrize(
    ("header", "signed_in"),
    [
        ("session={cookie}", True),
        ("=session={cookie}", False),
        ("=session=x; session={cookie}", True),
        ("{cookie}", False),
        ("session", False),
        ("session=", False),
        ("session=x; session={cookie}", False),
        ("session={cookie}; session=x", True),
        ("session=" + "x" * 100_000, False),
        ("a=" + "x" * 100_000 + "; session={cookie}", True),
        ("; " * 5000 + "session={cookie}", True),
        ('session="{cookie}"', True),
        ("Session={cookie}", False),
        ("__Host-session={cookie}", False),
        ("session={cookie}\x00", False),
        ("session=\xff\xfe{cookie}", False),
    ],
)
def test_odd_cookie_headers_never_fail_and_never_let_the_wrong_one_in(
    service: Service, header: str, signed_in: bool
) -> None:
    cookie = service.member().client.get_cookie("session")
    assert cookie is not None
    client = service.app.test_client(use_cookies=False)
    answer = client.get("/api/account", headers={"Cookie": header.replace("{cookie}", cookie.value)})
    assert answer.status_code == (200 if signed_in else 401)


def test_the_secret_of_the_session_is_in_no_page(service: Service) -> None:
    member = service.member()
    cookie = member.client.get_cookie("session")
    assert cookie is not None
    page = member.get("/account").get_data(as_text=True)
    secret = payload(cookie.value)[-1]
    assert len(secret) == 22
    assert secret not in page
    assert cookie.value not in page
