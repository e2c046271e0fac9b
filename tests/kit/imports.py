"""What a program has imported."""

from __future__ import annotations

import subprocess
import sys

HEAVY_MODULES = {
    "alembic",
    "authlib",
    "cryptography",
    "email_validator",
    "joserfc",
    "prometheus_client",
    "requests",
    "segno",
    "sqlalchemy.dialects.postgresql",
    "zxcvbn",
}
"""What takes its time to import, and no first answer needs."""


def imported_by(program: str) -> frozenset[str]:
    """The names of the modules that are there after a program, in a process of its own."""
    code = f"import sys\n{program}\nprint(*sys.modules, file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return frozenset(ended.stderr.split())
