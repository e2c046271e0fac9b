"""What a person says about themselves, and how inputs are read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from sqlalchemy.exc import NoResultFound

from accounts.flows import LINKS, NOTICES
from accounts.flows.account import profile
from accounts.flows.account.profile import ProfileForm
from accounts.flows.shared.fields import NewAccountForm, NewPasswordForm
from tests.conftest import on_both_databases
from tests.flows.steps import list_event_kinds, sign_up_member
from tests.kit.concurrency import outcome_of, run_concurrently
from tests.people import PASSWORD, Service


@on_both_databases
def test_only_given_fields_are_changed(service: Service) -> None:
    made = sign_up_member(service, "ann")
    session = made.sign_in()
    assert profile.update_profile(made.uow(), made.id, ProfileForm(locale="de")).locale == "de"
    assert (made.row.name, made.row.locale) == (made.row.name, "de")
    assert profile.update_profile(made.uow(), made.id, ProfileForm(name="Ann  M. ")).name == "Ann M."
    assert (made.row.name, made.row.locale) == ("Ann M.", "de")
    assert profile.update_profile(made.uow(), made.id, ProfileForm(name="")).name == ""
    assert made.load_current_account(session) is not None, "no session ends"
    assert list_event_kinds(service, made.id)[-3:] == ["account.profile"] * 3


def test_saying_nothing_changes_nothing(service: Service) -> None:
    made = sign_up_member(service)
    before = made.row.version
    profile.update_profile(made.uow(), made.id, ProfileForm())
    assert made.row.version == before
    assert "account.profile" not in list_event_kinds(service, made.id)


@on_both_databases
def test_changes_at_once_are_made_one_after_the_other(service: Service) -> None:
    made = sign_up_member(service)
    results = [ProfileForm(name="Ann"), ProfileForm(locale="de")]
    found = run_concurrently(
        2, lambda number: outcome_of(made.uow(), lambda uow: profile.update_profile(uow, made.id, results[number]))
    )
    assert found == ["done", "done"]
    assert (made.row.name, made.row.locale) == ("Ann", "de")


def test_nobody_has_no_profile(service: Service) -> None:
    with pytest.raises(NoResultFound):
        profile.update_profile(service.uow(), "nobody", ProfileForm(name="x"))


@pytest.mark.parametrize(
    ("said", "kept"),
    [("", ""), ("  Ann \t Miller\n", "Ann Miller"), ("Zoë Ångström", "Zoë Ångström"), ("李小龍", "李小龍"),
     ("x" * 100, "x" * 100), ("O'Brien <b>", "O'Brien <b>"), ("👩‍🚀", "👩‍🚀")],
)  # fmt: skip
def test_a_name_is_kept_as_it_is_written(said: str, kept: str) -> None:
    assert NewAccountForm(name=said, password=PASSWORD).name == kept


@pytest.mark.parametrize("name", ["x" * 101, "a\x00b", "a\x1bb", "a\x7fb", "\ud800", "\ue000", 7, None, ["Ann"]])
def test_a_name_that_is_none_is_refused(name: object) -> None:
    with pytest.raises(ValidationError):
        NewAccountForm.model_validate({"name": name, "password": PASSWORD})


@pytest.mark.parametrize("locale", ["tlh", "EN", "de-DE", "", None, 7, ["de"], {}])
def test_a_language_that_is_not_spoken_is_refused(locale: object) -> None:
    with pytest.raises(ValidationError):
        ProfileForm.model_validate({"locale": locale})


@pytest.mark.parametrize("password", [None, 7, [], {}, "\ud800" * 20, "x" * 1025])
def test_a_password_is_a_text_and_never_in_an_error(password: object) -> None:
    with pytest.raises(ValidationError) as caught:
        NewPasswordForm.model_validate({"password": password})
    assert "xxx" not in str(caught.value)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError):
        ProfileForm.model_validate({"name": "Ann", "groups": ["admins"]})


def test_each_letter_has_one_writer() -> None:
    assert not {link.purpose for link in LINKS} & set(NOTICES)
