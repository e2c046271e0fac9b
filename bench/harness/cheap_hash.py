"""``accounts serve`` with the cheapest hash there is, to see what a sign-in costs beside its hash.

The one place where the benchmarks reach into the service. That it worked is judged by what a sign-in then costs.
"""

from __future__ import annotations

from accounts.cli import main
from accounts.core.security.passwords import Passwords

assert Passwords.__init__.__kwdefaults__ is not None
Passwords.__init__.__kwdefaults__ |= {"memory_kib": 8, "passes": 1}

if __name__ == "__main__":
    main()
