"""``python -m accounts``."""

from __future__ import annotations

from accounts.cli import main

if __name__ == "__main__":
    main()
