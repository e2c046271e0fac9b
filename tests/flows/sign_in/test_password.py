"""Signing in with address and password."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from pydantic import ValidationError

from accounts.core.errors import SignInFailed, TooManyRequests
from accounts.flows.moving import import_accounts
from accounts.flows.moving.rows import ImportOptions
from accounts.flows.shared import accounts
from accounts.flows.shared.recovery import CHANGE_PASSWORD, recover_account
from accounts.flows.sign_in import password as password_sign_in
from accounts.flows.sign_in.password import SignInForm
from tests.conftest import on_both_databases
from tests.core.security.test_equal_work import recorded_hashing
from tests.flows.moving.files import BCRYPT, write_csv
from tests.flows.moving.files import person as imported
from tests.flows.steps import anonymous_uow, count_rows, list_event_kinds, sign_up_member
from tests.kit.concurrency import run_concurrently
from tests.people import OTHER_PASSWORD, PASSWORD, Service, make_email


def attempt(service: Service, email: str, password: str = PASSWORD, network: str = "10.9.9.9") -> str:
    form = SignInForm.model_validate({"email": email, "password": password})
    try:
        return password_sign_in.sign_in_with_password(anonymous_uow(service, network), form).id
    except (SignInFailed, TooManyRequests) as refused:
        return refused.code


@on_both_databases
def test_the_right_password_begins_a_session_in_any_spelling_of_the_address(service: Service) -> None:
    made = sign_up_member(service)
    before = made.row
    session = made.sign_in(email=made.email.upper(), remember=True)
    after = made.row
    assert (session.account_id, session.epoch, session.amr, session.remember) == (made.id, 1, ("pwd",), True)
    assert after.sign_in_serial == before.sign_in_serial + 1
    assert after.last_sign_in_at is not None
    assert after.password_hash == before.password_hash
    assert made.load_current_account(session) is not None
    assert list_event_kinds(service, made.id)[-1] == "sign-in"


def test_wrong_password_unknown_address_and_disabled_account_are_told_alike(service: Service) -> None:
    made, switched_off = sign_up_member(service), sign_up_member(service)
    accounts.disable_account(service.uow(), switched_off.id)
    results = []
    for email, password in [
        (made.email, OTHER_PASSWORD), (made.email, ""), (made.email, "x" * 1000), (make_email(), PASSWORD),
        (switched_off.email, PASSWORD), (switched_off.email, OTHER_PASSWORD),
    ]:  # fmt: skip
        with pytest.raises(SignInFailed) as caught:
            password_sign_in.sign_in_with_password(
                anonymous_uow(service), SignInForm.model_validate({"email": email, "password": password})
            )
        results.append((caught.value.code, caught.value.status, caught.value.reason, caught.value.fields))
    assert len(set(results)) == 1
    assert list_event_kinds(service, made.id)[-3:] == ["sign-in.failed"] * 3
    assert list_event_kinds(service, None).count("sign-in.failed") == 1


def test_an_account_without_a_password_has_none_that_is_right(service: Service) -> None:
    made, uow = sign_up_member(service), service.uow()
    with uow:
        accounts.find_account(uow, made.id).password_hash = None
    assert attempt(service, made.email) == attempt(service, made.email, "") == "sign_in_failed"


def test_an_older_hash_is_renewed_and_no_session_ends(make_service: Callable[..., Service]) -> None:
    service = make_service(options={})
    made, uow = sign_up_member(service), service.uow()
    session = made.sign_in()
    older = PasswordHasher(memory_cost=8192, time_cost=1, parallelism=1).hash(PASSWORD)
    with uow:
        accounts.find_account(uow, made.id).password_hash = older
    assert made.load_current_account(made.sign_in()) is not None
    assert made.row.password_hash != older
    assert (made.row.password_hash or "").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert made.load_current_account(session) is not None
    assert made.sign_in().account_id == made.id


def complete_sign_in(service: Service, account_id: str, verified_hash: str | None) -> None:
    password_sign_in.complete_sign_in(
        anonymous_uow(service), account_id, verified_hash, groups=(), new_hash=None, remember=False
    )


@on_both_databases
def test_a_password_that_changes_while_it_is_verified_signs_nobody_in(service: Service) -> None:
    made = sign_up_member(service)
    stale = made.row.password_hash
    uow = service.uow()
    with uow:
        recover_account(uow, accounts.find_account(uow, made.id), CHANGE_PASSWORD, password_hash="another")
    with pytest.raises(SignInFailed):
        complete_sign_in(service, made.id, stale)
    accounts.disable_account(service.uow(), made.id)
    with pytest.raises(SignInFailed):
        complete_sign_in(service, made.id, "another")
    assert list_event_kinds(service, made.id).count("sign-in") == 1, "of the activation"
    assert made.row.sign_in_serial == 0


@on_both_databases
def test_sign_ins_at_the_same_moment_do_not_exclude_each_other(service: Service) -> None:
    made = sign_up_member(service)
    found = run_concurrently(6, lambda number: made.sign_in())
    assert len({session.id for session in found}) == 6
    assert len({session.csrf_secret for session in found}) == 6
    assert made.row.sign_in_serial == 6


def test_ten_tries_from_one_network_do_not_lock_out_another(service: Service) -> None:
    made = sign_up_member(service)
    tries = [attempt(service, made.email, "wrong", "10.0.0.1") for _ in range(11)]
    assert tries == ["sign_in_failed"] * 10 + ["too_many_requests"]
    assert attempt(service, made.email, PASSWORD, "10.0.0.1") == "too_many_requests", "not even the right one"
    assert attempt(service, made.email.upper(), PASSWORD, "10.0.0.1") == "too_many_requests"
    assert attempt(service, made.email, PASSWORD, "10.0.0.2") == made.id


def test_a_right_password_buys_no_new_guesses(service: Service) -> None:
    made, guesser = sign_up_member(service), "10.0.0.1"
    assert [attempt(service, made.email, "wrong", guesser) for _ in range(9)] == ["sign_in_failed"] * 9
    assert attempt(service, made.email, PASSWORD, guesser) == made.id
    assert attempt(service, made.email, "wrong", guesser) == "too_many_requests"


def test_a_throttled_try_costs_no_hash_and_leaves_no_event(service: Service) -> None:
    email = make_email()
    for _ in range(11):
        attempt(service, email)
    assert count_rows(service)["audit"] == 10


@pytest.mark.parametrize(
    "said",
    [{}, {"email": "a@example.org"}, {"password": PASSWORD}, {"email": "a@example.org", "password": 7},
     {"email": "a@example.org", "password": "x" * 1025}, {"email": "a@example.org", "password": PASSWORD, "x": 1},
     {"email": "a@example.org", "password": PASSWORD, "remember": "maybe"},
     {"email": "a@example.org", "password": PASSWORD, "next": 7}],
)  # fmt: skip
def test_what_cannot_be_a_sign_in_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        SignInForm.model_validate(said)
    assert PASSWORD not in str(caught.value)


def test_a_checkbox_and_a_target_are_read_as_a_form_says_them() -> None:
    form = SignInForm.model_validate(
        {"email": "a@example.org", "password": "x", "remember": "on", "next": "//evil.example"}
    )
    assert form.remember
    assert form.next == ""


def test_an_address_of_nobody_takes_the_time_of_somebodys_hash(service: Service, tmp_path: Path) -> None:
    """Where all hashes came from another system, one of our own would tell that the address is nobody's."""
    rows = [imported(f"p{number}") for number in range(3)]
    import_accounts.import_accounts(
        service.uow(), write_csv(tmp_path / "people.csv", rows), ImportOptions(source="plain")
    )
    stand_ins = []
    for _ in range(12):
        nobody = service.person(password=BCRYPT["password"])
        ((account_id, stored, *_, stand_in),) = password_sign_in._find_sign_in_rows(service.uow(), nobody.email)
        assert (account_id, stored) == (None, None)
        assert password_sign_in._find_sign_in_rows(service.uow(), nobody.email)[0][-1] == stand_in, (
            "the same address, the same hash"
        )
        assert nobody.sign_in().status_code == 401, "and its password is of no use"
        stand_ins.append(stand_in)
    assert set(stand_ins) == {BCRYPT["stored"]}, "also of those that fall behind the last id"


def test_accounts_without_a_password_lend_no_hash_of_our_own_to_strangers(service: Service, tmp_path: Path) -> None:
    rows = [imported("hashed"), *(imported(f"bare{number}", password_hash="") for number in range(12))]
    import_accounts.import_accounts(
        service.uow(), write_csv(tmp_path / "people.csv", rows), ImportOptions(source="plain")
    )
    bare = [f"bare{number}@example.org" for number in range(12)]
    for email in [*bare, *(make_email() for _ in range(12))]:
        (_, stored, *_, stand_in) = password_sign_in._find_sign_in_rows(service.uow(), email)[0]
        assert (stored, stand_in) == (None, BCRYPT["stored"]), email


def test_a_disabled_account_does_not_tell_the_right_password_by_renewing_its_hash(
    make_service: Callable[..., Service], tmp_path: Path
) -> None:
    service = make_service(options={})
    import_accounts.import_accounts(
        service.uow(),
        write_csv(tmp_path / "people.csv", [imported("off", active="0")]),
        ImportOptions(source="plain"),
    )
    with recorded_hashing() as calls:
        for password in (BCRYPT["password"], OTHER_PASSWORD):
            assert attempt(service, "off@example.org", password) == "sign_in_failed"
    assert calls == ["checkpw", "checkpw"]


def test_a_new_key_leaves_every_stranger_with_the_same_hash(
    make_service: Callable[..., Service], tmp_path: Path
) -> None:
    keys = ["kQ3v8Zt1mX7rB5nW9cY2pL6dF4hJ0sGa-one", "kQ3v8Zt1mX7rB5nW9cY2pL6dF4hJ0sGa-two"]
    before, after = make_service(secret_keys=keys[:1]), make_service(secret_keys=keys)
    for _ in range(6):
        before.member()
    for _ in range(12):
        email = make_email()
        rows = [password_sign_in._find_sign_in_rows(service.uow(), email) for service in (before, after)]
        assert rows[0] == rows[1]


def test_who_is_looked_up_takes_one_statement_known_or_not(service: Service) -> None:
    seen = []
    for key in (service.member().email, service.person().email):
        with service.record_statements() as statements:
            password_sign_in._find_sign_in_rows(service.uow(), key)
        seen.append(list(statements))
    assert seen[0] == seen[1]
    assert len(seen[0]) == 1
