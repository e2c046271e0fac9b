"""What views and templates of a host get: page or JSON, guards, and names of ours that overwrite none of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from accounts import Form, Problem, Reply, Settings, current_account, login_required
from accounts.extension import Accounts
from accounts.testing import sign_in
from tests.kit.browser import Browser
from tests.people import Service
from tests.web import hosts
from tests.web.hosts import make_host

mount = hosts.mount
TEMPLATES = {
    "mine.html": "{{ greeting }} {{ who }} of {{ city }}",
    "nav.html": "{% if current_account %}{{ current_account.email }} {{ accounts_sign_out_form(next='/bye') }}"
    "{% else %}<a href=\"{{ accounts_url('sign-in', next='/x?y=1') }}\">in</a>{% endif %}",
    "form.html": "{{ accounts_sign_out_form(next='//evil.example', label='<Out>') }}",
    "wrong.html": "{{ accounts_url('sing-in') }}",
}
HTML, JSON = "text/html", "application/json"


class Full(Problem):
    code, status, message = "full", 409, "The list is full."


@pytest.fixture
def service(mount: Callable[..., Service], tmp_path: Any) -> Service:
    app = make_host(tmp_path / "host", TEMPLATES)
    service = mount(app, url_prefix="/auth")

    @app.context_processor
    def city() -> dict[str, Any]:
        return {"city": "Athens"}

    @app.route("/reply", methods=["GET", "POST"])
    def reply() -> Reply:
        return Reply(template="mine.html", json={"who": "Hypatia"}, context={"greeting": "Hello"}, status=200)

    @app.get("/data")
    def data() -> Reply:
        return Reply(json={"who": "Hypatia"})

    @app.get("/full")
    def full() -> Reply:
        raise Full("nobody need know")

    @app.route("/private", methods=["GET", "POST"])
    @login_required
    def private() -> str:
        return f"for {current_account.email}"

    @app.route("/staff", methods=["GET", "POST"])
    @login_required(group="staff")
    async def staff() -> str:
        return f"for {current_account.email}"

    @app.get("/page/<name>")
    def page(name: str) -> Reply:
        return Reply(template=f"{name}.html")

    return service


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, HTML),
        ({"Accept": "*/*"}, HTML),
        ({"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, HTML),
        ({"Accept": "application/json"}, JSON),
        ({"Accept": "application/problem+json"}, JSON),
        ({"Accept": "application/json;q=0.5, text/html"}, HTML),
        ({"Accept": "application/json, text/html;q=0.5"}, JSON),
        ({"Accept": "application/*;q=0.9, text/*;q=0.8"}, JSON),
        ({"Accept": "application/json;q=0, */*"}, HTML),
        ({"Accept": "text/html;q=0, */*"}, JSON),
        ({"Accept": "image/png"}, HTML),
        ({"Accept": "nonsense;q=x"}, HTML),
    ],
    ids=str,
)
def test_a_reply_is_what_the_client_prefers(service: Service, headers: dict[str, str], expected: str) -> None:
    answer = service.app.test_client().get("/reply", headers=headers)
    assert (answer.status_code, answer.mimetype) == (200, expected)
    assert "Accept" in answer.vary
    if expected == JSON:
        assert answer.get_json() == {"who": "Hypatia"}
    else:
        assert answer.text == "Hello Hypatia of Athens", "the host's template, with the host's context processor"


@pytest.mark.parametrize(
    ("accept", "expected"), [("", JSON), ("*/*", JSON), (f"{JSON};q=0.9, {HTML}", HTML), (JSON, JSON)]
)
def test_who_sends_json_reads_json_unless_they_say_otherwise(service: Service, accept: str, expected: str) -> None:
    headers = {"Accept": accept} if accept else {}
    assert service.app.test_client().post("/reply", json={}, headers=headers).mimetype == expected
    assert service.app.test_client().post("/reply", data={"a": "b"}).mimetype == HTML


def test_a_reply_without_a_template_is_json_for_everybody(service: Service) -> None:
    assert service.app.test_client().get("/data", headers={"Accept": HTML}).get_json() == {"who": "Hypatia"}


def test_a_problem_in_a_view_of_the_host_is_a_page_or_json(service: Service) -> None:
    client = service.app.test_client()
    page = client.get("/full")
    assert (page.status_code, page.mimetype) == (409, HTML)
    assert "The list is full." in page.text
    response = client.get("/full", headers={"Accept": JSON})
    assert (response.status_code, response.mimetype) == (409, "application/problem+json")
    assert response.get_json() == {"type": "about:blank", "title": "The list is full.", "status": 409, "code": "full"}
    assert "nobody need know" not in page.text + response.text


def test_a_host_may_tell_problems_its_own_way(settings: Callable[..., Settings], mount: Any) -> None:
    app = Flask("own", template_folder=None)
    app.testing = True

    @app.errorhandler(Problem)
    def own(problem: Problem) -> tuple[str, int]:
        return f"own page for {problem.code}", problem.status

    @app.get("/")
    @login_required
    def front() -> str:
        return "front"

    mount(app)
    assert app.test_client().get("/").data == b"own page for not_signed_in"


def test_strangers_are_sent_to_sign_in_or_told_in_json(service: Service) -> None:
    client = service.app.test_client()
    sent = client.get("/private?a=1")
    assert (sent.status_code, sent.location) == (303, "/auth/sign-in?next=/private?a%3D1")
    response = client.get("/private", headers={"Accept": JSON})
    assert (response.status_code, response.mimetype, response.get_json()["code"]) == (
        401,
        "application/problem+json",
        "not_signed_in",
    )
    assert client.post("/private", json={}).status_code == 401


@pytest.mark.parametrize(
    ("referrer", "location"),
    [
        ("http://localhost/cart?item=5", "/auth/sign-in?next=/cart?item%3D5"),
        ("http://127.0.0.1:8000/cart", "/auth/sign-in?next=/cart"),
        ("https://localhost/cart", "/auth/sign-in"),
        ("http://evil.example/cart", "/auth/sign-in"),
        ("http://localhost@evil.example/cart", "/auth/sign-in"),
        ("http://localhost//evil.example/", "/auth/sign-in"),
        ("nonsense", "/auth/sign-in"),
        ("", "/auth/sign-in"),
    ],
)
def test_who_sends_a_form_signed_out_comes_back_to_its_page(service: Service, referrer: str, location: str) -> None:
    sent = service.app.test_client().post("/private", headers={"Referer": referrer} if referrer else {})
    assert (sent.status_code, sent.location) == (303, location)


def test_a_group_is_asked_for(service: Service) -> None:
    stranger, reader, staff = (service.app.test_client() for _ in range(3))
    assert stranger.get("/staff").status_code == 303
    sign_in(reader, email="reader@example.org", groups=["readers"])
    page = reader.get("/staff")
    assert page.status_code == 403
    assert "have permission to do this." in page.text
    assert reader.get("/staff", headers={"Accept": JSON}).get_json()["code"] == "forbidden"
    sign_in(staff, email="staff@example.org", groups=["staff", "readers"])
    assert staff.get("/staff").text == "for staff@example.org"
    assert staff.get("/private").text == "for staff@example.org"


def test_templates_of_the_host_have_links_and_a_sign_out_form(service: Service) -> None:
    browser = Browser(service.app.test_client())
    browser.visit("/page/nav")
    assert browser.page.links == ["/auth/sign-in?next=/x?y%3D1"]
    sign_in(browser._client, email="ada@example.org")
    browser.visit("/page/nav")
    assert "ada@example.org" in browser.page.text
    assert "Sign out" in browser.page.text
    browser.submit()
    assert browser.url == "/bye"
    assert browser.visit("/page/nav").forms == []


def test_the_sign_out_form_leads_nowhere_else_and_escapes_its_label(service: Service) -> None:
    client = service.app.test_client()
    sign_in(client)
    form = client.get("/page/form").text
    assert "evil" not in form
    assert "&lt;Out&gt;" in form


def test_an_unknown_page_is_named_with_those_that_there_are(service: Service) -> None:
    with pytest.raises(ValueError, match="no page 'sing-in'; pages are: home, sign-in,"):
        service.app.test_client().get("/page/wrong")


def test_nothing_of_the_hosts_templates_is_overwritten(settings: Callable[..., Settings], tmp_path: Any) -> None:
    app = make_host(
        tmp_path / "host", {"x.html": "{{ current_account }} {{ accounts_url }} {{ accounts_sign_out_form }}"}
    )
    app.jinja_env.globals["accounts_url"] = "own url"
    app.context_processor(lambda: {"current_account": "own account"})
    Accounts(app, settings=settings(), url_prefix="/auth")
    app.context_processor(lambda: {"accounts_sign_out_form": "own form"})

    @app.get("/x")
    def x() -> Reply:
        return Reply(template="x.html")

    assert app.test_client().get("/x").text == "own account own url own form"


def test_template_globals_can_be_left_out(settings: Callable[..., Settings], tmp_path: Any) -> None:
    app = make_host(tmp_path / "host", {"x.html": "{{ accounts_url is defined }}"})
    Accounts(app, settings=settings(), template_globals=False)

    @app.get("/x")
    def x() -> Reply:
        return Reply(template="x.html")

    assert app.test_client().get("/x").text == "False"


def test_a_form_is_a_pydantic_model_that_refuses_what_it_does_not_know() -> None:
    class Order(Form):
        number: int

    assert Order.model_validate({"number": 5}).number == 5
    with pytest.raises(ValueError, match="extra"):
        Order.model_validate({"number": 5, "other": 1})
