"""Pages of development are for whoever develops: DNS rebinding gives a foreign page no way to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.people import Service

PATHS = ("/mailbox", "/api/mailbox", "/de/mailbox", "/mailbox/1")
OWN_HOSTS = ("127.0.0.1:8000", "localhost", "localhost:8000", "127.0.0.1", "127.9.9.9:80", "[::1]:8000")
FOREIGN_HOSTS = (
    "evil.test", "evil.test:8000", "evil.test.", "127.0.0.1.evil.test", "localhost.evil.test", "192.168.1.5:8000",
    "127.0.0.1.", "localhost@evil.test", "2130706433", "0x7f.1", "", "[::ffff:10.0.0.1]",
)  # fmt: skip


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_the_mailbox_is_not_shown_at_a_foreign_host(make_service: Callable[..., Service], host: str) -> None:
    client = make_service(mail_server=None).app.test_client()
    for path in PATHS:
        answer = client.get(path, environ_overrides={"HTTP_HOST": host, "SERVER_NAME": "evil.test"})
        assert answer.status_code in (400, 403), path
        assert "No emails yet" not in answer.get_data(as_text=True)
    refused = client.get("/api/mailbox", headers={"Host": "evil.test"})
    assert refused.content_type == "application/problem+json"
    assert (refused.status_code, refused.get_json()["code"]) == (403, "foreign_host")


def test_the_mailbox_is_shown_on_this_machine_and_at_the_public_origin(make_service: Callable[..., Service]) -> None:
    service = make_service(mail_server=None, public_origin="http://dev.example.test:8000", options={})
    client = service.app.test_client()
    for host in (*OWN_HOSTS, "dev.example.test:8000", "DEV.example.test", "dev.example.test:9000"):
        assert client.get("/mailbox", headers={"Host": host}).status_code == 200, host
        assert client.get("/api/mailbox", headers={"Host": host}).status_code == 200, host
        assert client.get("/mailbox/999", headers={"Host": host}).status_code == 404, host


def test_every_other_page_answers_as_before(make_service: Callable[..., Service]) -> None:
    client = make_service(mail_server=None).app.test_client()
    for path in ("/sign-in", "/api/csrf", "/health/live"):
        assert client.get(path, headers={"Host": "evil.test"}).status_code == 200, path


def test_where_there_is_no_mailbox_nothing_tells_of_one(service: Service) -> None:
    assert service.app.test_client().get("/mailbox", headers={"Host": "evil.test"}).status_code == 404
