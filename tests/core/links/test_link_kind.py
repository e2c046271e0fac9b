"""A wrong declaration of a link is refused with one clear error, where it is declared."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.core.link_kinds.kind import LinkKind
from accounts.core.link_kinds.parts import Subject, auth_epoch
from accounts.core.links.link import as_link
from accounts.core.models.account import Account
from accounts.core.models.counters import KeyUse
from accounts.core.models.outbox import OutboxRow
from tests.core.sites import make_link_signer


def declare(**changes: Any) -> LinkKind:
    values: dict[str, Any] = {
        "purpose": "host-thing",
        "lifetime": timedelta(hours=1),
        "about": "account",
        "dies_with": (auth_epoch,),
    }
    return LinkKind(**(values | changes))


@pytest.mark.parametrize("purpose", ["x", "a1", "join-newsletter", "x" * 40])
def test_a_purpose_is_lower_case_letters_digits_and_hyphens(purpose: str) -> None:
    assert declare(purpose=purpose).purpose == purpose


@pytest.mark.parametrize("purpose", ["", "X", "1a", "-a", "a b", "a_b", "a/b", "a.b", "ä", "a\n", "x" * 41])
def test_every_other_purpose_is_refused(purpose: str) -> None:
    with pytest.raises(TypeError, match="is no purpose of a link: lower-case letters"):
        declare(purpose=purpose)


def test_a_purpose_fits_into_every_column_that_keeps_it() -> None:
    for column in (OutboxRow.__table__.c.purpose, KeyUse.__table__.c.purpose):
        assert getattr(column.type, "length", 0) == 40


def test_a_link_is_about_an_account_or_an_address() -> None:
    with pytest.raises(TypeError, match="host-thing: about is 'group', but must be 'account' or 'address'"):
        declare(about="group")


def test_the_data_of_a_kind_is_enough_to_sign_and_to_read() -> None:
    kind, box = declare(), make_link_signer()
    account = Account(id="a1", email="a@example.org", email_key="a@example.org", auth_epoch=1)
    claims = box.verify(kind, box.sign(kind, Subject("a1", account)))
    assert (claims.kind, claims.subject_id, claims.spent_id) == (kind, "a1", "")
    account.auth_epoch += 1
    assert box.moved_parts(claims, Subject("a1", account)) == (auth_epoch,)


def test_the_data_of_a_kind_is_not_enough_to_act() -> None:
    with pytest.raises(TypeError, match="host-thing is declared without an act"):
        as_link(declare())
