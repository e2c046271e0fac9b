"""Whose fault an answer of a mail server is, who says so, and when a lane is to be paused for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask_mail import Message

from accounts.delivery.failures import (
    DeliveryError,
    PermanentFailure,
    RefusesUs,
    Step,
    TimedOut,
    TransientFailure,
)
from accounts.delivery.letters import Letters
from accounts.delivery.refusals import ROW_OF_DOMAINS, RULES, Blame, RefusalWatch, Rule, format_rules, judge_reply
from accounts.delivery.samples import sample_letter
from tests.delivery.conftest import SENDER, make_transport
from tests.delivery.mail_server_replies import REPLIES
from tests.servers.smtp import SmtpSink, Verb

EXCEPTIONS = {Blame.RECIPIENT: PermanentFailure, Blame.US: RefusesUs, Blame.NOBODY: TransientFailure}
STEPS: dict[Verb, Step] = {
    "CONNECT": "connect", "EHLO": "ehlo", "HELO": "ehlo", "STARTTLS": "starttls", "AUTH": "auth",
    "MAIL": "mail", "RCPT": "rcpt", "DATA": "data", "BODY": "data",
}  # fmt: skip
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def message(letters: Letters) -> Message:
    return letters.compose(sample_letter("reset-password", "en"), sender=SENDER, message_id="<row1@example.org>")


@pytest.fixture(scope="module")
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as server:
        yield server


def refuse(sink: SmtpSink, message: Message, verb: Verb, reply: str) -> DeliveryError:
    sink.behave()
    sink.misbehave(verb, reply)
    if verb == "HELO":
        sink.misbehave("EHLO", reply)
    with pytest.raises(DeliveryError) as caught:
        make_transport(sink.port).send(message)
    return caught.value


@pytest.mark.parametrize(("whose", "verb", "reply", "blame"), REPLIES)
def test_what_servers_really_say_means(
    sink: SmtpSink, message: Message, whose: str, verb: Verb, reply: str, blame: Blame
) -> None:
    error = refuse(sink, message, verb, reply)
    assert type(error) is EXCEPTIONS[blame]
    assert error.step == STEPS[verb]
    read_by_admin = str(error)
    assert read_by_admin.startswith({"CONNECT": "connecting", "BODY": "DATA"}.get(verb, verb) + ": " + reply[:9])
    assert "@" not in read_by_admin


@pytest.mark.parametrize("verb", ["CONNECT", "HELO", "MAIL"])
@pytest.mark.parametrize("reply", ["550 no", "550 5.1.1 no such user", "552 5.2.2 mailbox full", "554 Go away"])
def test_a_server_that_says_no_before_the_recipient_is_named_means_us(
    sink: SmtpSink, message: Message, verb: Verb, reply: str
) -> None:
    error = refuse(sink, message, verb, reply)
    assert isinstance(error, RefusesUs)
    assert error.step == STEPS[verb]


def test_a_code_in_each_line_of_an_answer_is_read_as_one_answer(sink: SmtpSink, message: Message) -> None:
    reply = "550-5.4.5 Daily user sending limit exceeded.\r\n550 5.4.5 https://support.google.com/mail/?p=limit"
    assert str(refuse(sink, message, "BODY", reply)) == (
        "DATA: 550 5.4.5 Daily user sending limit exceeded. 5.4.5 [...]"
    )


def test_an_address_cannot_say_whose_fault_it_is(sink: SmtpSink, message: Message) -> None:
    reply = "550 <spam-blocked-by-policy@relay.example>: mailbox unknown"
    assert type(refuse(sink, message, "RCPT", reply)) is PermanentFailure


@pytest.mark.parametrize("rule", RULES)
def test_each_row_of_the_table_is_reached_by_its_example(rule: Rule) -> None:
    verb, _, reply = rule.example.partition(": ")
    step = STEPS["CONNECT" if verb == "connecting" else verb]  # type: ignore[index] # a wrong one is a KeyError
    assert judge_reply(step, int(reply[:3]), reply[4:]) is rule


def test_the_table_of_the_documentation_is_that_of_the_code() -> None:
    assert format_rules() in (DOCS / "mail.md").read_text(encoding="utf-8"), "make mail-replies-table prints it"


def refused_at(step: Step) -> RefusesUs:
    return RefusesUs(f"{step}: 550 5.7.1 no", step)


@pytest.mark.parametrize("step", ["connect", "ehlo", "starttls", "auth", "mail"])
def test_who_refuses_us_before_the_recipient_is_named_pauses_the_lane_at_once(step: Step) -> None:
    reason = RefusalWatch().note("example.org", refused_at(step))
    assert reason == f"the mail server refuses this service: {step}: 550 5.7.1 no"


@pytest.mark.parametrize("step", ["rcpt", "data"])
def test_three_domains_in_a_row_pause_the_lane(step: Step) -> None:
    watch = RefusalWatch()
    reasons = [watch.note(f"{name}.example", refused_at(step)) for name in "abc"]
    assert reasons[:2] == [None, None]
    assert re.fullmatch(
        r"this service was refused for 3 mail domains in a row: \w+: 550 5\.7\.1 no", reasons[2] or ""
    )
    assert watch.note("d.example", refused_at(step)) is None, "counted anew after the pause"


@pytest.mark.parametrize(
    "domains",
    [
        ["evil.example"] * 20,
        [f"{number}.evil.example" for number in range(20)],
        [f"{number}.deep.evil.example" for number in range(20)],
        [f"{number}.evil.co.uk" for number in range(20)],
        ["evil.example", "EVIL.example.", "a.evil.example", "other.example"] * 5,
    ],
)
def test_whoever_owns_a_domain_or_two_cannot_stop_the_mail(domains: list[str]) -> None:
    watch = RefusalWatch()
    assert [watch.note(domain, refused_at("rcpt")) for domain in domains] == [None] * len(domains)


def test_one_letter_that_is_taken_ends_a_row() -> None:
    watch = RefusalWatch()
    for number in range(4 * ROW_OF_DOMAINS):
        assert watch.note(f"{number}.example", refused_at("rcpt")) is None
        if number % 2:
            assert watch.note("good.example", None) is None


@pytest.mark.parametrize(
    "error", [PermanentFailure("x", "rcpt"), TransientFailure("x", "mail"), TimedOut("x", "data")]
)
def test_what_is_not_about_us_neither_counts_nor_ends_a_row(error: DeliveryError) -> None:
    watch = RefusalWatch()
    for name in "ab":
        assert watch.note(f"{name}.example", refused_at("data")) is None
        assert watch.note(f"{name}.test", error) is None
    assert watch.note("c.example", refused_at("data")) is not None
