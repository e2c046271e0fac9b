"""Reports about bounces come in signed, in time and once; what cannot be read is refused, and nothing breaks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from accounts.core.security.throttle import MAIL_BOUNCES
from accounts.flows.mail_bounces.reports import MAX_REPORT_BYTES
from tests.flows.mail_bounces import samples
from tests.kit.properties import examples
from tests.kit.tables import dump_tables
from tests.people import Service
from tests.web.bounce_reports import KEY, OTHER_KEY, events, reset_mail, send, sign


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return make_service(mail_bounce_key=KEY)


FORGERIES: dict[str, Callable[[bytes], dict[str, str]]] = {
    "not signed": lambda body: {"x": "y"},
    "by another key": lambda body: sign(body, key=OTHER_KEY),
    "of another body": lambda body: sign(body + b" "),
    "too old": lambda body: sign(body, at=time.time() - 301),
    "of the future": lambda body: sign(body, at=time.time() + 301),
    "of another id": lambda body: sign(body) | {"webhook-id": "other"},
    "of another time": lambda body: sign(body) | {"webhook-timestamp": str(int(time.time()) - 1)},
    "time in words": lambda body: sign(body) | {"webhook-timestamp": "now"},
    "time without end": lambda body: sign(body) | {"webhook-timestamp": "9" * 400},
    "another version": lambda body: (
        sign(body) | {"webhook-signature": sign(body)["webhook-signature"].replace("v1,", "v2,")}
    ),
    "no base64": lambda body: sign(body) | {"webhook-signature": "v1,%%%"},
    "empty": lambda body: sign(body) | {"webhook-signature": ""},
    "id of bytes": lambda body: sign(body) | {"webhook-id": "\u00ff"},
    "id that begins the time": lambda body: sign(body, id="one.1"),
    "headers of two kinds": lambda body: sign(body, key=OTHER_KEY) | sign(body, prefix="svix"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_is_not_rightly_signed_now_changes_nothing_and_learns_nothing(service: Service, name: str) -> None:
    member = service.member()
    body = json.dumps(samples.own(reset_mail(service, member))).encode()
    before = dump_tables(service)
    answer = send(service, body, headers=FORGERIES[name](body))
    assert (answer.status_code, answer.get_json()["code"]) == (401, "bad_signature")
    assert answer.mimetype == "application/problem+json"
    assert dump_tables(service) == before


def test_one_of_several_signatures_and_the_headers_of_svix_will_do(service: Service) -> None:
    body = json.dumps([]).encode()
    both = sign(body)["webhook-signature"]
    other = sign(body, key=OTHER_KEY)["webhook-signature"]
    assert (
        send(service, body, headers=sign(body) | {"webhook-signature": f"{other} v1a,xx {both}"}).status_code == 204
    )
    assert send(service, body, prefix="svix").status_code == 204
    with time_machine.travel(time.time() + 299, tick=False):
        assert send(service, body, at=time.time() - 299).status_code == 204


def test_a_request_that_comes_again_does_nothing(service: Service) -> None:
    first, second = service.member(), service.member()
    body = json.dumps(samples.own(reset_mail(service, first))).encode()
    assert send(service, body, id="one").status_code == 204
    before = {name: rows for name, rows in dump_tables(service).items() if name != "rate_limits"}
    assert send(service, body, id="one").status_code == 204
    # The same id for another body is a mistake of its sender, and no second try.
    other = samples.own(reset_mail(service, second))
    kept = len(events(service, "mail.bounced"))
    assert send(service, other, id="one").status_code == 204
    assert len(events(service, "mail.bounced")) == kept == 1
    assert before["unreachable_addresses"] == dump_tables(service)["unreachable_addresses"]


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_request"),
        (b"[" * 200_000, "application/json", 400, "malformed_request"),
        (b'{"a": 1}', "application/json", 422, "unknown_report"),
        (b"[]", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"", "", 415, "unsupported_media_type"),
        (b" " * (MAX_REPORT_BYTES + 1), "application/json", 413, "too_large"),
    ],
)
def test_what_is_signed_and_cannot_be_read_is_refused(
    service: Service, body: bytes, media_type: str, status: int, code: str
) -> None:
    answer = send(service, body, media_type)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


def test_without_a_key_nothing_is_there(make_service: Callable[..., Service]) -> None:
    answer = send(make_service(), [])
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_a_sender_without_end_is_held_up(service: Service) -> None:
    service.site.throttle.reserve(MAIL_BOUNCES.by("installation", cost=MAIL_BOUNCES.amount))
    answer = send(service, [])
    assert (answer.status_code, answer.get_json()["code"]) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 0


def test_no_body_whatever_breaks_anything(service: Service) -> None:
    mail_id = f"{'A' * 16}@127.0.0.1"

    @given(st.data())
    @examples(60)
    def check(data: st.DataObject) -> None:
        raw = data.draw(st.sampled_from([json.dumps(samples.own(mail_id)).encode(), samples.dsn(mail_id)]))
        place, cut = data.draw(st.integers(0, len(raw))), data.draw(st.integers(0, 30))
        media_type = data.draw(st.sampled_from(["application/json", "text/plain", "message/rfc822", "image/png"]))
        body = raw[:place] + data.draw(st.binary(max_size=30)) + raw[place + cut :]
        assert send(service, body, media_type).status_code in (204, 400, 415, 422)

    check()
