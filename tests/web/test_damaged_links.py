"""Links as carriers damage them: what became of the tail is forgiven, never the token."""

from __future__ import annotations

import pytest

from accounts.core.link_kinds.signer import LinkSigner
from tests.kit.pages import Page
from tests.people import Service, token_of_url
from tests.web.endpoints import problem_code
from tests.web.live_links import browser_for_link, make_link_url
from tests.web.parsed_page import ParsedPage, check_skeleton
from tests.web.test_links import PURPOSES

TAILS = (
    *(
        "/go.",
        "/go)",
        "/go>",
        "/go%3E",
        "/go/",
        "/go%20",
        "/go%0A",
        "/go%0D%0A",
        "/go”",
        "/go%E2%80%9D",
        "/GO",
        "/Go",
        "/go/.",
    ),
    *(
        "/go'",
        "/go%22",
        "/go;",
        "/go]",
        "/go,",
        "/go!",
        "/go&gt;",
        "/go*",
        "/go_",
        "/go=",
        "/go</a>",
        "/go%2F",
        "/g",
        "/",
    ),
    *("/go/go", "/goto", "/go%C2%A0", "/go%E2%80%8B", "/weiter", "/go.html"),
    *("", ".", ")", ">", "%20", "%0A", "”", ".)", "%E2%80%A6", "]", ",", ";", "!", "%22"),
)
BAD_TOKENS = ("{}x", "x{}", "{}%20x", "{}%0Ax/go", "%20{}/go", "{}./go", "{}%20/go", "<{}>/go", "{}go")


@pytest.mark.parametrize("tail", TAILS)
def test_a_link_opens_whatever_became_of_its_tail(service: Service, tail: str) -> None:
    url = make_link_url(service, "reset-password", service.admin())
    person = service.person()
    went = person.get(f"/l/reset-password/{token_of_url(url)}{tail}", follow_redirects=True)
    assert went.request.path == "/l/reset-password"
    assert went.status_code == 200
    assert ParsedPage(went).find_all("input", name="password")


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("tail", ["", "/GO", "/go)."])
def test_a_link_of_every_kind_opens_in_every_language_without_its_tail(
    service: Service, purpose: str, tail: str
) -> None:
    url = make_link_url(service, purpose, service.admin())
    person = browser_for_link(service, purpose, url)
    went = person.get(f"/de/l/{purpose}/{token_of_url(url)}{tail}")
    assert (went.status_code, went.location) == (303, f"/de/l/{purpose}")
    assert person.get(went.location).status_code == 200


@pytest.mark.parametrize("spelling", [str.upper, str.title, str.capitalize, str.swapcase, lambda name: name + "%20"])
@pytest.mark.parametrize("prefix", ["", "/de"])
def test_a_kind_in_another_spelling_leads_to_the_opening(service: Service, spelling: object, prefix: str) -> None:
    assert callable(spelling)
    url = make_link_url(service, "reset-password", service.admin())
    person = service.person()
    for tail in ("/go", "/GO", "", "/go%20."):
        path = f"{prefix}/l/{spelling('reset-password')}/{token_of_url(url)}{tail}"
        went = person.get(path, follow_redirects=True)
        assert (went.status_code, went.request.path) == (200, f"{prefix}/l/reset-password")


@pytest.mark.parametrize("damage", BAD_TOKENS)
def test_a_damaged_token_is_never_forgiven(service: Service, damage: str) -> None:
    token = token_of_url(make_link_url(service, "reset-password", service.admin()))
    answer = service.person().get(f"/l/reset-password/{damage.format(token)}")
    assert (answer.status_code, answer.headers.get_all("Set-Cookie")) == (400, [])


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/l/activat/abc/go",
            "/l/activate/go",
            "/l/activate/abc",
            "/l/activate-/x/go",
            "/l/x",
            "/l/x/y/z",
        ),
        *(
            "/l/https://example.org/l/activate",
            "/l/%20",
            "/l/activate/%20",
            "/l/reset/abc.def.ghi/go",
            "/de/l/einladung/abc",
        ),
        *("/l/ACTIVATE/go", "/l/activate/again", "/l/activate/done/x"),
    ],
)
def test_what_holds_no_token_gets_the_page_of_dead_links_with_a_way_on(service: Service, path: str) -> None:
    answer = service.person().get(path, follow_redirects=True)
    assert answer.status_code == 400
    page = check_skeleton(answer, lang="de" if path.startswith("/de/") else "en")
    assert {"/sign-in", "/de/sign-in"} & {link["href"] for link in page.find_all("a")}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_page_without_its_cookie_says_to_open_the_link_in_this_browser(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    person = service.person()
    for path in (f"/l/{purpose}", f"/l/{purpose}?utm_source=x"):
        answer = person.get(path)
        assert answer.status_code == 400
        assert "in this browser" in Page(answer.get_data(as_text=True)).text
        assert "not valid" not in answer.get_data(as_text=True)
        assert not any("again" in (form.action or "") for form in Page(answer.get_data(as_text=True)).forms)
    # Nothing is wrong with the link, and it works here once it is opened here.
    opener = browser_for_link(service, purpose, url)
    assert opener.get(f"/l/{purpose}/{token_of_url(url)}/go", follow_redirects=True).status_code == 200


def test_a_page_without_its_cookie_speaks_german(service: Service) -> None:
    assert "in diesem Browser" in service.person().get("/de/l/activate").get_data(as_text=True)


def test_json_without_a_token_hears_of_an_invalid_link(service: Service) -> None:
    answer = service.person().get("/api/l/activate")
    assert (answer.status_code, problem_code(answer)) == (400, "link_invalid")


@pytest.mark.parametrize(
    ("path", "token"),
    [
        ("a.b.c/go", "a.b.c"),
        ("a.b.c", "a.b.c"),
        ("a.b.c.)", "a.b.c"),
        ("a.b.c-", "a.b.c-"),
        ("a.b.c./go", "a.b.c."),
        ("", ""),
    ],
)
def test_a_token_in_a_path_is_what_stands_before_the_tail(path: str, token: str) -> None:
    assert LinkSigner.token_in_path(path) == token


def test_password_managers_find_where_a_password_is_changed(service: Service) -> None:
    answer = service.person().get("/.well-known/change-password")
    assert (answer.status_code, answer.location) == (303, "/account/password")
