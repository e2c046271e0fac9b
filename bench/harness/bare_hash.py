"""One argon2id hash by itself, on the servers' core: ``python -m harness.bare_hash SECONDS``.

By every library that is here: they are built for different processors.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

from harness.contender import HASHES, PASSWORD
from harness.letters import BENCH
from harness.process import SERVER_CORES, pinned
from harness.results import Row

NAME = "bare hash"
LIBRARY = "argon2-cffi"
"""The one that a sign-in is compared with: all Python peers hash by it."""
MEMORY, PASSES = HASHES["owasp"]


def _argon2_cffi() -> Callable[[], object]:
    from argon2 import PasswordHasher

    hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY, parallelism=1)
    return lambda: hasher.hash(PASSWORD)


def _cryptography() -> Callable[[], object]:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    def derive() -> object:
        kdf = Argon2id(salt=os.urandom(16), length=32, iterations=PASSES, lanes=1, memory_cost=MEMORY)
        return kdf.derive(PASSWORD.encode())

    return derive


def _pynacl() -> Callable[[], object]:
    from nacl.pwhash import argon2id  # type: ignore[import-not-found] # measured where it is there

    return lambda: argon2id.kdf(32, PASSWORD.encode(), os.urandom(16), opslimit=PASSES, memlimit=MEMORY * 1024)


LIBRARIES = {
    LIBRARY: ("argon2", _argon2_cffi),
    "cryptography": ("cryptography", _cryptography),
    "pynacl": ("nacl", _pynacl),
}


def measure_bare_hash(number: int, seconds: float) -> Iterable[Row]:
    """Return what one hash costs, by library."""
    command = [sys.executable, "-m", "harness.bare_hash", str(seconds)]
    with pinned(SERVER_CORES):
        done = subprocess.run(command, cwd=BENCH, capture_output=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return [Row(NAME, library, number, cost) for library, cost in found.items()]


def _cost_of(work: Callable[[], object], seconds: float) -> float:
    work()
    count, began, ends = 0, time.process_time(), time.monotonic() + seconds
    while time.monotonic() < ends or count < 3:
        work()
        count += 1
    return 1e6 * (time.process_time() - began) / count


def main(seconds: float) -> None:
    costs = {}
    for name, (module, make) in LIBRARIES.items():
        if importlib.util.find_spec(module) is not None:
            try:
                costs[name] = _cost_of(make(), seconds)
            except Exception as problem:  # noqa: BLE001 - a build without Argon2id says so in its own way
                print(f"{name}: {problem}", file=sys.stderr)
    print(json.dumps(costs))


if __name__ == "__main__":
    main(float(sys.argv[1]))
