"""What an inviter may say in words of their own: text, and nothing that a mail program makes a link of."""

from __future__ import annotations

import pytest

from accounts.core.errors import InvalidInput
from accounts.flows.invites.send import InviteForm
from accounts.flows.shared.validation import validate


def said(message: str) -> str:
    return validate(InviteForm, {"email": "ann@example.org", "message": message}).message


@pytest.mark.parametrize(
    "text",
    [
        "Come on Friday, 24.12. at 10.30.",
        "Call 0123 456789 or +49 30 1234567.", "Bring pen & paper <3",
        "e.g. a hat, z.B. einen Hut",
        "Version 1.2.3 or 10.20.30",
        "Cost: 3.50 (or 1.000,00)", "and/or", "\U0001f469\u200d\U0001f4bb welcome",
        "Ünïcode “quotes” – fine",
        "Room A.1, floor 2. See you!", "x" * 500,
    ],
)  # fmt: skip
def test_text_is_taken_as_it_is(text: str) -> None:
    assert said(text) == text


def test_lines_are_kept_and_blanks_around_them_are_not() -> None:
    assert said(" Hello \r\n\tAnn,\r\n\r\n\r\n\r\nbring a hat. \n") == "Hello\nAnn,\n\nbring a hat."


@pytest.mark.parametrize(
    "text",
    [
        "See https://evil.example", "see HTTP://x", "go to evil.example/now", "www evil", "mail me@evil.example",
        "a@b",        "evil.example", "evil。example", "evil．example", "evil․example", "evil.xn--p1ai",
        "//evil", "http:evil", "\\\\evil\\share",
        "192.0.2.1", "javascript:alert(1)", "Thanks.Ann", "tel:0123", "ev\uff49l.\uff45xample", "пример.рф",
    ],
)  # fmt: skip
def test_what_a_mail_program_makes_a_link_of_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        said(text)
    assert [(each.field, each.code) for each in caught.value.fields] == [("message", "link")]


@pytest.mark.parametrize("text", ["a\x00b", "a\x1b[31m", "a\u202eb", "a\u200bb", "a\u2028b", "a\x0bb", "\ue000"])
def test_what_cannot_be_seen_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        said(text)
    assert [(each.field, each.code) for each in caught.value.fields] == [("message", "control")]


def test_more_than_500_characters_are_refused() -> None:
    with pytest.raises(InvalidInput):
        said("x" * 501)
