"""Return targets: whatever ``next`` says, nobody is led off this site."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote, unquote, urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from accounts.core.models.outbox import OutboxRow
from tests.people import Person, Service, make_email
from tests.web.endpoints import csrf_token

EVIL = [
    *("https://evil.example", "http://evil.example/", "HTTPS://evil.example", "//evil.example", "///evil.example"),
    *(
        "////evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "\\\\evil.example",
        "\\evil.example",
        "/\\/evil.example",
    ),
    *(
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "http:\\\\evil.example",
        "//evil.example/%2e%2e",
    ),
    *(
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "mailto:a@b.c",
    ),
    *(
        "/%09/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "\t//evil.example",
        " //evil.example",
    ),
    *("%20//evil.example", "/%5cevil.example", "/%5Cevil.example", "/%255cevil.example", "/%2fevil.example"),
    *("/%2Fevil.example", "/%252fevil.example", "%2f%2fevil.example", "/%2f%2fevil.example", "/%5c%5cevil.example"),
    *(
        "/@evil.example",
        "//@evil.example",
        "//user@evil.example",
        "//user:pw@evil.example",
        "/%40evil.example",
        "@evil.example",
    ),
    *("//evil.example:80", "//[::1]", "//[", "//evil%2eexample", "//evil。example", "//еvil.example"),
    *("http://127.0.0.1:8000.evil.example", "http://127.0.0.1:8000@evil.example", "//127.0.0.1.evil.example"),
    *(
        "/x\r\nLocation: https://evil.example",
        "/%0d%0aX:1",
        "/x%0d%0aSet-Cookie:a=b",
        "/x\x00",
        "/%00/evil.example",
        "\x00//evil",
    ),
    *(
        ".evil.example",
        "evil.example",
        "../evil",
        "?next=//evil.example",
        "#//evil.example",
        ";//evil.example",
        "",
        " ",
        "/ ",
    ),
    *(
        "/" + "a" * 5000,
        "/\x7f/evil.example",
        "/\x85/evil.example",
        "/\u00a0/../\\evil.example",
        "/.\\evil.example",
        "https://",
    ),
]
GOOD = [
    "/account",
    "/account/sessions",
    "/de/account",
    "/x?a=b&c=%2Fd",
    "/x?next=https://evil.example",
    "/a/b/../c",
    "/%C3%A4",
    "/",
]


def stays(location: str) -> bool:
    """Whether every browser that follows this stays on the site, also when something decodes it once or twice."""
    for _ in range(3):
        if not re.match(r"/(?![/\\@])", location) and location != "/":
            return False
        if re.search(r"[\x00-\x20\x7f-\x9f\\]", location) or location.startswith("//"):
            return False
        location = unquote(location)
    return not urlsplit(location).netloc


def test_there_are_enough_spellings() -> None:
    assert len(set(EVIL)) >= 60


def as_field(target: str) -> str:
    return target.encode("utf-8", "replace").decode()


def test_signing_in_and_out_leads_nowhere_else(service: Service) -> None:
    email = service.member().email
    for target in EVIL:
        person = service.person(email=email)
        page = person.get(f"/sign-in?next={quote(target, safe='')}").get_data(as_text=True)
        assert 'name="next"' not in page, repr(target)
        assert "evil" not in page
        signed_in = send(person, "/sign-in", email=email, password=person.password, next=as_field(target))
        assert (signed_in.status_code, signed_in.location) == (303, "/account"), repr(target)
        signed_out = send(person, "/sign-out", next=as_field(target))
        assert (signed_out.status_code, signed_out.location) == (303, "/sign-in"), repr(target)
        assert len(signed_out.headers.getlist("Location")) == 1


def send(person: Person, path: str, **payload: str) -> TestResponse:
    data = {**payload, "csrf_token": csrf_token(person)}
    return person.client.post(path, data=data, environ_base={"REMOTE_ADDR": person.network})


def activated(service: Service, person: Person, target: str) -> tuple[str, str]:
    """Where a browser is led after an activation that carries a target, and what the link says as JSON."""
    assert person.post("/api/sign-up", {"email": person.email, "next": target}).status_code == 202
    token = service.link_token(person.email, "activate")
    person.get(f"/l/activate/{token}/go")
    page = person.get("/l/activate").get_data(as_text=True)
    link_id = unescape(page.partition('name="link_id" value="')[2].partition('"')[0])
    data = {"csrf_token": csrf_token(person), "link_id": link_id, "password": person.password}
    return str(person.client.post("/l/activate", data=data).location), page


def test_an_activation_leads_nowhere_else(service: Service) -> None:
    for target in EVIL:
        data = {"email": make_email(), "next": as_field(target)}
        assert service.person().post("/api/sign-up", data).status_code == 202
    with (uow := service.uow()):
        assert {row.facts["next"] for row in uow.session.scalars(select(OutboxRow))} == {""}, "not even kept"
    for target in EVIL[::10]:
        location, page = activated(service, service.person(), as_field(target))
        assert location == "/l/activate/done", repr(target)
        assert "evil" not in page


@pytest.mark.parametrize("target", GOOD)
def test_a_path_of_this_site_is_kept_through_signing_in_and_through_the_mail(service: Service, target: str) -> None:
    person = service.person()
    location, _ = activated(service, person, target)
    assert location == target
    assert stays(location)
    page, written = f"/sign-in?next={quote(target, safe='')}", target.replace("&", "&amp;")
    assert f'href="{written}">Continue' in person.get(page).text, "whoever is signed in already goes on"
    assert f'name="next" value="{written}"' in service.person().get(page).text
    assert send(person, "/sign-in", email=person.email, password=person.password, next=target).location == target
    assert send(person, "/sign-out", next=target).location == target


def test_a_fragment_is_dropped_and_what_is_odd_is_encoded(service: Service) -> None:
    location, _ = activated(service, service.person(), "/page?a=b#//evil.example")
    assert location == "/page?a=b"
    location, _ = activated(service, service.person(), "/ä")
    assert location == "/%C3%A4"
    location, _ = activated(service, service.person(), "/\u2028/evil.example")
    assert location == "/%E2%80%A8/evil.example"


@pytest.mark.parametrize("target", [["/a"], {"a": "/b"}, 1, None, True])
def test_a_target_that_is_no_text_is_refused(service: Service, target: object) -> None:
    answer = service.person().post("/api/sign-up", {"email": "a@example.org", "next": target})
    assert answer.status_code == 422
