"""The parts of an account's state that a link binds: which one has moved, and no two are confused."""

from __future__ import annotations

import runpy
from dataclasses import replace
from typing import Any

import pytest

from accounts.core.ids import new_id
from accounts.core.link_kinds import parts
from accounts.core.link_kinds.parts import Subject
from accounts.core.signing.keys import new_key
from accounts.flows.account import reset_password, sign_up
from tests.core.link_kinds.samples import HASH, declared, somebody
from tests.core.sites import make_link_signer

RESET = reset_password.RESET


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({}, []),
        ({"name": "Ann B", "locale": "de"}, []),
        ({"password_hash": HASH + "x"}, ["password"]),
        ({"password_hash": None}, ["password", "sign_ins"]),
        ({"email_key": "ann@example.com"}, ["email"]),
        ({"auth_epoch": 2}, ["auth_epoch"]),
        ({"sign_in_serial": 1}, ["sign_ins"]),
        ({"password_hash": "other", "auth_epoch": 2}, ["password", "auth_epoch"]),
    ],
)
def test_a_link_tells_which_part_has_moved(change: dict[str, Any], moved: list[str]) -> None:
    signer, account = make_link_signer(), somebody()
    claims = signer.verify(RESET, signer.sign(RESET, Subject(account.id, account)))
    for name, value in change.items():
        setattr(account, name, value)
    assert [part.name for part in signer.moved_parts(claims, Subject(account.id, account))] == moved


def test_the_holder_of_an_address_is_a_part_too() -> None:
    signer, account = make_link_signer(), somebody()
    carried = sign_up.ActivationPayload(id=new_id(), locale="en", next="")
    claims = signer.verify(sign_up.ACTIVATE, signer.sign(sign_up.ACTIVATE, Subject("a@example.org", None), carried))
    assert signer.moved_parts(claims, Subject("a@example.org", None)) == ()
    assert [part.name for part in signer.moved_parts(claims, Subject("a@example.org", account))] == ["holder"]


def test_tags_of_equal_values_differ_by_part_purpose_and_subject() -> None:
    signer = make_link_signer()
    one, two = somebody(auth_epoch=5, sign_in_serial=5), somebody(auth_epoch=5, sign_in_serial=5)
    link = declared(dies_with=(parts.auth_epoch, parts.sign_ins))
    other = replace(link, purpose="other-thing")
    found = [
        signer.verify(kind, signer.sign(kind, Subject(who.id, who))).tags
        for kind in (link, other)
        for who in (one, two)
    ]
    slots = [tags[at : at + 4] for tags in found for at in (0, 4)]
    assert len(set(slots)) == 8


def test_each_part_has_a_place_of_its_own() -> None:
    account, signer = somebody(), make_link_signer()
    bound = (parts.auth_epoch, parts.sign_ins, parts.lock_serial)
    link, subject = declared(dies_with=bound), Subject(account.id, account)
    account.lock_serial = 0
    claims = signer.verify(link, signer.sign(link, subject))
    assert len(claims.tags) == 12
    for part, column in zip(bound, ("auth_epoch", "sign_in_serial", "lock_serial"), strict=True):
        was = getattr(account, column)
        setattr(account, column, was + 1)
        assert signer.moved_parts(claims, subject) == (part,)
        setattr(account, column, was)


def test_a_part_of_an_account_reads_its_column_and_needs_the_account() -> None:
    # Made anew: the parts of the module were made when it was imported.
    part = runpy.run_path(parts.__file__, run_name=parts.__name__)["auth_epoch"]
    account = somebody(auth_epoch=41)
    assert part.read(Subject(account.id, account)) == 41
    with pytest.raises(AssertionError):
        part.read(Subject(account.id, None))


def test_tags_are_made_with_the_key_that_signed_the_link() -> None:
    old, new, account = new_key(), new_key(), somebody()
    token = make_link_signer(old).sign(RESET, Subject(account.id, account))
    turned = make_link_signer(old, new)
    claims = turned.verify(RESET, token)
    assert turned.moved_parts(claims, Subject(account.id, account)) == ()
