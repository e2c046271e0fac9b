"""Change name, language and time zone of an account."""

from __future__ import annotations

from accounts.core.models.account import Account
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.fields import Form, Locale, Name, Zone


class ProfileForm(Form):
    """Fields that are not given stay as they are."""

    name: Name = ""
    locale: Locale = "en"
    zone: Zone = ""


def update_profile(uow: UnitOfWork, account_id: str, form: ProfileForm) -> Account:
    """Change what is given; answers the account as it is then."""

    def work() -> Account:
        account = uow.session.get_one(Account, account_id)
        for field in form.model_fields_set:
            setattr(account, field, getattr(form, field))
        if form.model_fields_set:
            uow.record_event(
                "account.profile", account_id=account.id, facts={"fields": sorted(form.model_fields_set)}
            )
        return account

    return uow.attempt(work)
