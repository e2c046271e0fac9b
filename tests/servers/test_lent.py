"""What tests lend each other is as good as new."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import make_url

from tests.servers.lent import Databases


def change(url: str, statement: str) -> None:
    with psycopg.connect(
        make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    ) as connection:
        connection.execute(statement)


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE accounts ADD COLUMN more text",
        "ALTER TABLE accounts DROP COLUMN locale",
        "ALTER TABLE accounts ALTER COLUMN name TYPE varchar(3)",
        "ALTER TABLE spent DROP CONSTRAINT pk_spent",
        "UPDATE accounts_alembic_version SET version_num = 'x'",
        "DROP TABLE accounts_alembic_version",
    ],
)
def test_a_database_whose_shape_was_changed_is_not_lent_on(postgres_databases: Databases, statement: str) -> None:
    with postgres_databases.lend() as changed:
        change(changed, statement)
    with postgres_databases.lend() as other:
        assert other != changed


@pytest.mark.postgres
def test_a_database_that_was_filled_is_lent_on_empty(postgres_databases: Databases) -> None:
    with postgres_databases.lend() as filled:
        change(filled, "INSERT INTO spent VALUES ('x', now())")
    with postgres_databases.lend() as other:
        assert other == filled
        change(other, "INSERT INTO spent VALUES ('x', now())")
