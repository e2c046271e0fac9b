"""What each provider sends is read: which email, for good or for now, and why."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.core.errors import Malformed, UnknownReport
from accounts.flows.mail_bounces import providers
from accounts.flows.mail_bounces.record import parse_reports
from accounts.flows.mail_bounces.reports import MAX_REPORTS, BounceReport
from tests.flows.mail_bounces import samples
from tests.kit.properties import examples

ID = "A1b2C3d4E5f6G7h8@accounts.example.org"
BOUNCES: dict[str, Any] = {
    "own": samples.own(ID),
    "ses": samples.ses(ID),
    "ses by sns": samples.sns(samples.ses(ID)),
    "ses event publishing": {**samples.ses(ID), "notificationType": None, "eventType": "Bounce"},
    "postmark": samples.postmark(ID),
    "postmark with the bounce": samples.postmark(ID, Metadata={}, Content=samples.dsn(ID).decode()),
    "sendgrid": samples.sendgrid(ID),
    "mailgun": samples.mailgun(ID),
    "brevo": samples.brevo(ID),
    "mailjet": samples.mailjet(ID),
    "resend": samples.resend(ID),
}
BOUNCES["ses event publishing"].pop("notificationType")
TRANSIENT: dict[str, Any] = {
    "own": samples.own(ID, "transient", status="4.2.2"),
    "ses": samples.ses(ID, bounceType="Transient", bounceSubType="MailboxFull"),
    "postmark": samples.postmark(ID, Type="SoftBounce"),
    "sendgrid": samples.sendgrid(ID, type="blocked"),
    "sendgrid deferred": samples.sendgrid(ID, event="deferred", response="451 4.7.1 later"),
    "mailgun": samples.mailgun(ID, severity="temporary"),
    "brevo": samples.brevo(ID, event="soft_bounce"),
    "mailjet": samples.mailjet(ID, hard_bounce=False),
    "resend": samples.resend(ID, "email.delivery_delayed"),
    "resend for now": samples.resend(ID, bounce={"type": "Transient", "message": "full"}),
}
COMPLAINTS: dict[str, Any] = {
    "own": samples.own(ID, "complaint"),
    "ses": {**samples.ses(ID), "notificationType": "Complaint", "complaint": {"complaintFeedbackType": "abuse"}},
    "postmark": samples.postmark(ID, RecordType="SpamComplaint"),
    "sendgrid": samples.sendgrid(ID, event="spamreport"),
    "mailgun": samples.mailgun(ID, event="complained"),
    "brevo": samples.brevo(ID, event="complaint"),
    "mailjet": samples.mailjet(ID, event="spam", source="JMRPP"),
    "resend": samples.resend(ID, "email.complained"),
}
NO_REPORTS: dict[str, Any] = {
    "no events": [],
    "sns asks to subscribe": {
        **samples.sns("Confirm"),
        "Type": "SubscriptionConfirmation",
        "SubscribeURL": "http://x/",
    },
    "sns with words": samples.sns("hello"),
    "sns in sns": samples.sns(samples.sns(samples.ses(ID))),
    "ses delivery": {**samples.ses(ID), "notificationType": "Delivery"},
    "postmark delivery": samples.postmark(ID, RecordType="Delivery"),
    "postmark out of office": samples.postmark(ID, Type="AutoResponder"),
    "sendgrid delivered": samples.sendgrid(ID, event="delivered"),
    "mailgun opened": samples.mailgun(ID, event="opened"),
    "brevo delivered": samples.brevo(ID, event="delivered"),
    "mailjet open": samples.mailjet(ID, event="open"),
    "resend delivered": samples.resend(ID, "email.delivered"),
}


def read(event: object) -> list[BounceReport]:
    return parse_reports("application/json", json.dumps(event).encode())


@pytest.mark.parametrize("name", BOUNCES)
def test_a_bounce_names_the_email_and_the_reason_and_no_address(name: str) -> None:
    (report,) = read(BOUNCES[name])
    assert ID in report.message_ids
    assert (report.kind, report.status) == ("permanent", "5.1.1")
    assert report.said
    assert "@" not in report.said


@pytest.mark.parametrize("name", TRANSIENT)
def test_what_may_pass_is_told_apart(name: str) -> None:
    (report,) = read(TRANSIENT[name])
    assert (report.kind, ID in report.message_ids) == ("transient", True)


@pytest.mark.parametrize("name", COMPLAINTS)
def test_a_complaint_is_no_bounce(name: str) -> None:
    (report,) = read(COMPLAINTS[name])
    assert (report.kind, report.status, ID in report.message_ids) == ("complaint", "", True)


@pytest.mark.parametrize("name", NO_REPORTS)
def test_other_events_of_a_provider_are_no_reports(name: str) -> None:
    assert read(NO_REPORTS[name]) == []


def test_every_reader_of_the_table_has_its_samples() -> None:
    for table in (BOUNCES, TRANSIENT, COMPLAINTS):
        assert {name.split()[0] for name in table} == set(providers.READERS)


def test_events_in_a_list_are_read_each_and_not_without_end() -> None:
    mixed = [samples.sendgrid(ID), samples.sendgrid(ID, event="delivered"), samples.sendgrid(ID, event="spamreport")]
    assert [report.kind for report in read(mixed)] == ["permanent", "complaint"]
    assert len(read([samples.own(ID)] * (MAX_REPORTS + 5))) == MAX_REPORTS


@pytest.mark.parametrize(
    "event", [{}, {"a": 1}, [[]], [1], 1, "x", None, True, {"kind": "permanent"}, {"event": "x"}]
)
def test_json_of_another_kind_is_refused_with_a_word(event: object) -> None:
    with pytest.raises(UnknownReport):
        read(event)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b'{"a":' * 100_000, b"1" * 9000, b'"\\ud800"x']
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises((Malformed, UnknownReport)):
        parse_reports("application/json", raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def damaged_events(draw: st.DrawFn) -> object:
    """An event of a provider of which something is of another type."""
    event = json.loads(
        json.dumps(draw(st.sampled_from([*BOUNCES.values(), *TRANSIENT.values(), *COMPLAINTS.values()])))
    )
    place = event
    while True:
        name = draw(st.sampled_from(sorted(place)))
        if isinstance(place[name], dict) and place[name] and draw(st.booleans()):
            place = place[name]
            continue
        place[name] = draw(json_values)
        return event


@given(damaged_events() | json_values)
@examples(300)
def test_no_json_whatever_raises_anything_but_a_refusal(event: object) -> None:
    reports: list[BounceReport] = []
    with suppress(Malformed, UnknownReport):
        reports = read(event)
    for report in reports:
        assert len(report.said) <= 200
        assert len(report.status) <= 12
