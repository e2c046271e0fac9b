"""Django: the output of ``manage.py dumpdata``, with django-allauth's addresses where they are in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from accounts.core.security.foreign_hashes import ForeignSecrets
from accounts.flows.moving.cells import Cells
from accounts.flows.moving.files import SourceRecord
from accounts.flows.moving.rows import ImportOptions, SourceRow, as_list, clean_text
from accounts.flows.moving.source import Source

GROUP_MODEL, EMAIL_ADDRESS_MODEL = "auth.group", "account.emailaddress"
FLAG_GROUPS = ("is_staff", "is_superuser")
"""They turn up as groups of these names, which come in only when somebody says as what."""


@dataclass(slots=True)
class _RelatedRecords:
    """What other models say about users: names of groups by key, confirmed addresses by key of the user."""

    group_names: dict[str, str] = field(default_factory=dict)
    verified_emails: dict[str, set[str]] = field(default_factory=dict)
    has_email_model: bool = False


class DjangoSource(Source):
    """The output of ``dumpdata``, or a table of users. Of a dump, a user is what has an address and a password."""

    read_here = frozenset({*FLAG_GROUPS, "username"})

    def __init__(self, options: ImportOptions, secrets: ForeignSecrets, moment: datetime) -> None:
        super().__init__(options, secrets, moment)
        self._related = _RelatedRecords()

    def study(self, record: SourceRecord) -> None:
        """Take down names of groups, and which addresses django-allauth has confirmed."""
        model, fields = clean_text(record.values.get("model")).lower(), record.values.get("fields")
        if model == GROUP_MODEL and isinstance(fields, dict):
            self._related.group_names[str(record.values.get("pk"))] = clean_text(fields.get("name"))
        elif model == EMAIL_ADDRESS_MODEL and isinstance(fields, dict):
            self._related.has_email_model = True
            if fields.get("verified") is True:
                verified = self._related.verified_emails.setdefault(str(fields.get("user")), set())
                verified.add(clean_text(fields.get("email")).lower())

    def find_columns(self, record: SourceRecord) -> list[tuple[str, Any]] | None:
        """Return the columns of a user; None for a record of another model."""
        values = record.values
        if "model" not in values or "fields" not in values:
            return super().find_columns(record)
        fields = values["fields"]
        if not isinstance(fields, dict) or "password" not in fields or "email" not in fields:
            return None
        groups = [self._find_group_name(each) for each in as_list(fields.get("groups"))]
        groups += [flag for flag in FLAG_GROUPS if fields.get(flag) is True]
        columns = [(name, value) for name, value in fields.items() if name not in ("groups", "user_permissions")]
        columns.append(("groups", groups))
        if self._related.has_email_model:
            verified = self._related.verified_emails.get(str(values.get("pk")), ())
            columns.append(("verified", clean_text(fields["email"]).lower() in verified))
        return columns

    def adjust(self, row: SourceRow, cells: Cells) -> SourceRow:
        """Return the row: an unusable password is none, and who is inactive may never have confirmed."""
        if row.password_hash.startswith("!"):
            row = replace(row, password_hash="")
        if not row.active and row.last_sign_in_at is None and row.confirmed is None:
            # Registration makes inactive users and activates them by mail: whoever never came in never confirmed.
            return replace(row, confirmed=False)
        return row

    def _find_group_name(self, group: Any) -> str:
        # With --natural-foreign a group is named, otherwise its key is.
        if isinstance(group, list) and group:
            return clean_text(group[0])
        return self._related.group_names.get(str(group), f"group-{group}")
