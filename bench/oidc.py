"""Tokens for codes, claims for tokens: this service beside other OpenID providers, in one run.

``make bench-oidc``, once ``make bench-peers`` has run. All keep what they keep in SQLite (WAL, ``synchronous=FULL``),
ask for PKCE and the client secret, rotate refresh tokens, and sign with the same algorithm.
``python bench/oidc.py EdDSA`` takes one algorithm.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from harness.contender import Contender, Hello
from harness.oidc import OauthToolkit, OidcProvider
from harness.ours import Ours
from harness.results import HELLO_LOAD, Results, describe_machine
from harness.rounds import ROUNDS, SECONDS, describe, folder, makers_of, pairs_of, run_rounds, start_all
from harness.tables import print_results

LOADS = (HELLO_LOAD, "W7 exchange", "W7 refresh", "W7 userinfo", "W7 discovery", "W7 JWKS")


def measure(alg: str, place: Path) -> Results:
    results = Results(f"oidc-{alg}", {**describe_machine(), "rounds": ROUNDS, "seconds": SECONDS})
    with ExitStack() as stack:
        hello = start_all(stack, makers_of((Hello,), place, "floor"))
        makers: list[Callable[[], Contender]] = [
            lambda: Ours(place / "accounts", "floor", alg=alg),
            lambda: OidcProvider(place / "oidc-provider", alg=alg),
        ]
        if alg in OauthToolkit.algs:
            makers.append(lambda: OauthToolkit(place / "oauth-toolkit", alg=alg))
        providers = start_all(stack, makers)
        results.about["contenders"] = describe([*hello, *providers])
        run_rounds(results, [*pairs_of(hello), *pairs_of(providers, LOADS[1:])])
    return results


if __name__ == "__main__":
    for each in sys.argv[1:] or ["EdDSA", "RS256"]:
        with folder() as place:
            found = measure(each, place)
        print_results(found)
