"""The mailbox of development: each email as HTML, text and source, one click to its link; nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy

import pytest
from flask.testing import FlaskClient

from tests.people import Service
from tests.web.parsed_page import ParsedPage, check_skeleton, submit_form

EMAIL = "ann@example.org"
FIRST_ADMIN = "Become the first admin"


@pytest.fixture
def box(make_service: Callable[..., Service]) -> Service:
    """A service in development in which somebody has asked to sign up."""
    service = make_service(mail_server=None)
    client = service.app.test_client()
    submit_form(client, "/sign-up", client.get("/sign-up"), email=EMAIL)
    service.deliver()
    return service


@pytest.fixture
def client(box: Service) -> FlaskClient:
    return box.app.test_client()


def message_path(client: FlaskClient) -> str:
    (path,) = [
        each["href"]
        for each in ParsedPage(client.get("/mailbox")).find_all("a")
        if each["href"].startswith("/mailbox/") and each["href"] != "/mailbox/clear"
    ]
    return path


def test_the_list_says_what_went_to_whom_and_opens_the_link_at_one_click(box: Service, client: FlaskClient) -> None:
    page = check_skeleton(client.get("/mailbox"))
    assert f"To: {EMAIL}" in page.text("main")
    (link,) = [each["href"] for each in page.find_all("a") if "/l/activate/" in each["href"]]
    message = client.get("/api/mailbox").get_json()["messages"][0]
    assert message["link"] == link
    assert message["sender"].startswith("Accounts <")
    assert client.get(link).status_code in (302, 303)


def test_a_message_has_html_text_and_source(client: FlaskClient) -> None:
    path = message_path(client)
    for tail, shown in (("", "HTML"), ("/text", "Text"), ("/source", "Source")):
        page = check_skeleton(client.get(path + tail))
        (current,) = [each for each in page.find_all("a") if each.get("aria-current") == "page"]
        assert current["href"] == path + tail
        assert shown in page.text("main")
        assert [each["href"] for each in page.find_all("a")].count(path + "/text") == 1
    assert "Content-Type: multipart/alternative" in client.get(f"{path}/source").text


def test_the_html_stands_in_a_frame_that_can_do_nothing(client: FlaskClient) -> None:
    path = message_path(client)
    page = client.get(path)
    (frame,) = ParsedPage(page).find_all("iframe")
    assert frame["src"] == f"{path}/html"
    assert frame["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"
    assert "; frame-src 'self'" in page.headers["Content-Security-Policy"]
    inside = client.get(f"{path}/html")
    assert inside.content_type == "text/html; charset=utf-8"
    directives = [each.strip() for each in inside.headers["Content-Security-Policy"].split(";")]
    assert "default-src 'none'" in directives
    assert "frame-ancestors 'self'" in directives
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in directives
    assert not any(each.startswith("script-src") for each in directives)
    assert inside.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert '<base target="_blank">' in inside.text
    for other in ("/mailbox", f"{path}/text", f"{path}/source", "/sign-in"):
        assert "frame-src" not in client.get(other).headers["Content-Security-Policy"]
        assert client.get(other).headers["X-Frame-Options"] == "DENY"


def test_the_source_can_be_downloaded_as_it_would_have_been_sent(client: FlaskClient) -> None:
    answer = client.get(f"{message_path(client)}/download")
    assert answer.content_type == "message/rfc822"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="1.eml"'
    mail = message_from_bytes(answer.data, policy=policy.default)
    assert (mail["To"], mail["Subject"]) == (EMAIL, "Finish creating your Accounts account")


def test_clearing_asks_first_and_says_what_it_did(client: FlaskClient) -> None:
    asked = check_skeleton(client.get("/mailbox/clear"))
    assert "Delete 1 email?" in asked.text("main")
    assert len(client.get("/api/mailbox").get_json()["messages"]) == 1, "asking clears nothing"
    done = submit_form(client, "/mailbox/clear", client.get("/mailbox/clear"))
    assert (done.status_code, done.location) == (303, "/mailbox")
    page = check_skeleton(client.get("/mailbox"))
    assert "1 email deleted." in page.text("main")
    assert "No emails yet." in page.text("main")


def test_clearing_answers_in_json_too(client: FlaskClient) -> None:
    assert client.delete("/api/mailbox").status_code == 204
    assert client.get("/api/mailbox").get_json() == {"messages": []}


def test_the_first_admins_link_stands_on_top_while_there_is_none(box: Service, client: FlaskClient) -> None:
    page = check_skeleton(client.get("/mailbox"))
    (link,) = [each["href"] for each in page.find_all("a") if "/l/invite/" in each["href"]]
    assert client.get(link, follow_redirects=True).status_code == 200
    assert FIRST_ADMIN not in client.get("/mailbox", environ_base={"REMOTE_ADDR": "192.0.2.7"}).text, "not of here"
    box.admin()
    assert FIRST_ADMIN not in client.get("/mailbox").text


PATHS = ("", "/1", "/1/text", "/1/source", "/1/html", "/1/download", "/clear")


@pytest.mark.parametrize("path", PATHS)
def test_nothing_of_it_is_there_with_a_mail_server_or_for_a_foreign_host(
    box: Service, service: Service, path: str
) -> None:
    assert service.app.test_client().get(f"/mailbox{path}").status_code == 404
    foreign = box.app.test_client().get(f"/mailbox{path}", headers={"Host": "evil.test"})
    assert foreign.status_code == 403
    assert EMAIL not in foreign.text
    assert box.app.test_client().get(f"/mailbox{path}").status_code == 200


def test_a_foreign_host_clears_nothing(box: Service, client: FlaskClient) -> None:
    assert client.delete("/api/mailbox", headers={"Host": "evil.test"}).status_code == 403
    assert len(client.get("/api/mailbox").get_json()["messages"]) == 1
