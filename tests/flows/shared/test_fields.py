"""Fields of forms: what is taken, wherever it comes in."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from accounts.flows.account.profile import ProfileForm
from accounts.flows.invites.batch_entries import InviteeForm
from accounts.flows.invites.batch_file import NewBatchForm
from accounts.flows.invites.link import FirstAdminForm
from accounts.flows.oidc.registration_form import RegisterAppForm
from accounts.flows.shared.fields import Name, NewAccountForm


class NameForm(BaseModel):
    """A name and nothing else."""

    name: Name


@pytest.mark.parametrize(
    "name",
    [
        "Ann Müller", "O\u2019Brien", "李小龍", "Владимир", "محمد عبد الله", "יוסף כהן", "  two   blanks  ", "",
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",  # Persian: two words in one, written apart
        "\u0639\u0644\u064e\u200c\u0631\u0636\u0627",  # with a vowel sign before it
        "\u0915\u094d\u200d\u0937", "\u0915\u094d\u200c\u0937", "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # behind a virama
        "Ann \U0001f469\u200d\U0001f4bb", "\U0001f469\U0001f3fd\u200d\U0001f680", "\u2764\ufe0f\u200d\U0001f525",
    ],
)  # fmt: skip
def test_a_name_is_taken_as_its_script_writes_it(name: str) -> None:
    assert NameForm(name=name).name == " ".join(name.split())


@pytest.mark.parametrize(
    "name",
    [
        "Ann\u202egro.elpmaxe", "\u202aAnn", "\u202bAnn", "Ann\u202c", "\u202dAnn", "\u2066Ann", "\u2067Ann\u2069",
        "\u2068Ann",
        "Ann\u200e", "Ann\u200f", "\u061cAnn", "A\u200bnn", "A\u2060nn", "\ufeffAnn", "A\u00adnn", "Ann\u2063",
        "Ann\u180e",
        "Ann\ufff9", "Ann\U000e0041", "Ann\U000e007f", "\u206aAnn", "A\x00nn", "A\x1bnn", "A\ue000nn", "A\x9fnn",
        "A\u200dnn", "A\u200cnn", "\u200dAnn", "Ann\u200c", "Ann \u200d", "\u0639\u200c", "\u200c\u0639",
        "\u0639\u200cA",
        "\u0639\u200c\u200c\u0631", "\U0001f469\u200d", "\u200d\U0001f4bb", "\U0001f469\u200dA",
        "\U0001f469\u200c\U0001f4bb",
    ],
)  # fmt: skip
def test_a_name_has_nothing_that_cannot_be_seen_or_turns_it_around(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        NameForm(name=name)
    assert [error["type"] for error in caught.value.errors()] == ["name"]


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (ProfileForm, {"locale": "en"}),
        (NewAccountForm, {"password": "x"}),
        (FirstAdminForm, {"email": "ann@example.org", "password": "x"}),
        (InviteeForm, {"email": "ann@example.org"}),
        (NewBatchForm, {"people": "ann@example.org"}),
        (RegisterAppForm, {"redirect_uris": ["https://wiki.example.org/cb"]}),
    ],
)
def test_names_are_looked_at_wherever_they_come_in(form: type[BaseModel], data: dict[str, object]) -> None:
    form.model_validate({**data, "name": "Fine"})
    with pytest.raises(ValidationError) as caught:
        form.model_validate({**data, "name": "Wiki\u202e"})
    assert [(error["loc"], error["type"]) for error in caught.value.errors()] == [(("name",), "name")]
