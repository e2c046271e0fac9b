"""``accounts serve`` with the cheapest hash there is, to see what a sign-in costs beside its hash.

The one place where the benchmarks reach into the service, whose settings refuse such a hash.
"""

from __future__ import annotations

from accounts.cli import main
from accounts.config_password_hash import HashCost
from accounts.core.security import passwords

make_hasher = passwords.make_hasher
passwords.make_hasher = lambda cost: make_hasher(HashCost(memory_kib=8, passes=1))

if __name__ == "__main__":
    main()
