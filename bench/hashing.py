"""How long libraries and builds take for the same argon2id hash, one beside the other.

    python bench/hashing.py [--rounds 15] [--memory-kib 19456] [--passes 2] [--envs FOLDER]

Compared are argon2-cffi's wheel, argon2-cffi built with AVX2 and built for this very processor, PyNaCl (libsodium)
and `cryptography` (OpenSSL). Each is a process of its own that stays up; every round visits all of them in a new
order, so that what else the machine does meets all alike. Each verifies the hash of every other first.

CPU and wall are medians of a hash in ms, faults are page faults a hash, RSS is the process in MiB. "x wheel" is how
many hashes it computes while the wheel computes one: the median of the rounds by CPU, least and most in brackets.

The environments are installed by pip: it takes a minute, a C compiler and the package index. `--envs` keeps them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

PASSWORD = b"correct horse battery staple"
HASHES = 4
"""By each thread in one round."""
BUILT = "argon2-cffi-bindings"
WHEELS = ("argon2-cffi", "pynacl", "cryptography")
BUILDS = {"avx2": "-march=x86-64-v3", "native": "-march=native"}
"""CFLAGS of what is built, by the name of its environment."""
BACKENDS = {
    "argon2-cffi, wheel": ("wheel", "argon2"),
    "argon2-cffi, AVX2": ("avx2", "argon2"),
    "argon2-cffi, native": ("native", "argon2"),
    "PyNaCl": ("wheel", "nacl"),
    "cryptography": ("wheel", "cryptography"),
}
"""Environment and library, by the name in the table."""
BASE = "argon2-cffi, wheel"
Figures = dict[str, float]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=15)
    asked.add_argument("--memory-kib", type=int, default=19456)
    asked.add_argument("--passes", type=int, default=2)
    asked.add_argument("--envs", type=Path, help="a folder for the environments, kept and used again")
    asked.add_argument("--work", choices=["argon2", "nacl", "cryptography"], help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.work:
        work(given.work, given.memory_kib, given.passes)
        return
    if shutil.which(os.environ.get("CC", "cc")) is None:
        sys.exit("hashing.py: a C compiler is missing (apt install gcc, or set CC)")
    with ExitStack() as ends:
        folder = given.envs or Path(ends.enter_context(tempfile.TemporaryDirectory()))
        interpreters = {
            name: make_environment(folder / name, flags) for name, flags in {"wheel": "", **BUILDS}.items()
        }
        workers = {
            backend: ends.enter_context(start_worker(interpreters[name], library, given.memory_kib, given.passes))
            for backend, (name, library) in BACKENDS.items()
        }
        check_strings(workers)
        show(measure(workers, given.rounds))


def make_environment(place: Path, flags: str) -> Path:
    """Return the interpreter of an environment; what is built is built with these CFLAGS."""
    python = place / "bin" / "python"
    if not python.exists():
        print(f"installing {place.name} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        building = ["--no-cache-dir", "--no-binary", BUILT] if flags else []
        wanted = ["argon2-cffi"] if flags else list(WHEELS)
        subprocess.run([*install, *building, *wanted], check=True, env={**os.environ, "CFLAGS": flags})
    return python


Worker = Callable[[str, Any], Any]
"""Ask a process: what to do, with what."""


@contextmanager
def start_worker(python: Path, library: str, memory_kib: int, passes: int) -> Iterator[Worker]:
    command = [str(python), __file__, "--work", library, "--memory-kib", str(memory_kib), "--passes", str(passes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def ask(act: str, value: Any) -> Any:
            stdin.write(json.dumps([act, value]) + "\n")
            stdin.flush()
            return json.loads(stdout.readline())

        yield ask
        stdin.close()


def check_strings(workers: dict[str, Worker]) -> None:
    """Every library reads what every other writes, and none takes a wrong password."""
    for writer, write in workers.items():
        text = write("hash", PASSWORD.decode())
        for reader, read in workers.items():
            assert read("verify", [PASSWORD.decode(), text]) is True, f"{reader} does not read the hash of {writer}"
            assert read("verify", ["wrong", text]) is False, f"{reader} takes a wrong password"


def measure(workers: dict[str, Worker], rounds: int) -> dict[tuple[str, int], list[Figures]]:
    found: dict[tuple[str, int], list[Figures]] = {}
    for _ in range(rounds):
        for threads in sorted({1, os.cpu_count() or 1}):
            for backend in random.sample(list(workers), len(workers)):
                found.setdefault((backend, threads), []).append(workers[backend]("measure", threads))
    return found


def show(found: dict[tuple[str, int], list[Figures]]) -> None:
    print(f"{'':<20} {'threads':>7} {'CPU':>6} {'wall':>6} {'faults':>7} {'RSS':>5}  x wheel")
    order = {backend: position for position, backend in enumerate(BACKENDS)}
    for (backend, threads), rows in sorted(found.items(), key=lambda each: (each[0][1], order[each[0][0]])):
        middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        ratios = [base["cpu"] / row["cpu"] for base, row in zip(found[BASE, threads], rows, strict=True)]
        print(
            f"{backend:<20} {threads:>7} {middle['cpu']:>6.1f} {middle['wall']:>6.1f} {middle['faults']:>7.0f}"
            f" {middle['rss']:>5.0f}  {statistics.median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}]"
        )


def work(library: str, memory_kib: int, passes: int) -> None:
    """Hash and verify in this process, as asked on standard input. It has no package of the service."""
    compute, verify = LIBRARIES[library](memory_kib, passes)
    compute(PASSWORD)
    for line in sys.stdin:
        act, value = json.loads(line)
        if act == "hash":
            answer: Any = compute(value.encode())
        elif act == "verify":
            answer = verify(*(text.encode() for text in value))
        else:
            answer = time_hashes(lambda: compute(PASSWORD), value)
        print(json.dumps(answer), flush=True)


def time_hashes(compute: Callable[[], str], threads: int) -> Figures:
    def compute_all() -> None:
        for _ in range(HASHES):
            compute()

    running = [threading.Thread(target=compute_all) for _ in range(threads)]
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return {
        "cpu": seconds * 1000 / HASHES / threads,
        "wall": wall * 1000 / HASHES,
        "faults": (after.ru_minflt - before.ru_minflt) / HASHES / threads,
        "rss": int(status.partition("VmRSS:")[2].split()[0]) / 1024,
    }


Hasher = tuple[Callable[[bytes], str], Callable[[bytes, bytes], bool]]


def use_argon2(memory_kib: int, passes: int) -> Hasher:
    argon2 = import_module("argon2")
    hasher = argon2.PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)

    def verify(password: bytes, text: bytes) -> bool:
        try:
            return bool(hasher.verify(text, password))
        except argon2.exceptions.VerificationError:
            return False

    return hasher.hash, verify


def use_nacl(memory_kib: int, passes: int) -> Hasher:
    nacl, errors = import_module("nacl.bindings"), import_module("nacl.exceptions")

    def compute(password: bytes) -> str:
        kind = nacl.crypto_pwhash_ALG_ARGON2ID13
        text: bytes = nacl.crypto_pwhash_str_alg(password, passes, memory_kib * 1024, kind)
        return text.decode()

    def verify(password: bytes, text: bytes) -> bool:
        try:
            return bool(nacl.crypto_pwhash_str_verify(text, password))
        except errors.InvalidkeyError:
            return False

    return compute, verify


def use_cryptography(memory_kib: int, passes: int) -> Hasher:
    argon2 = import_module("cryptography.hazmat.primitives.kdf.argon2").Argon2id
    invalid_key = import_module("cryptography.exceptions").InvalidKey

    def compute(password: bytes) -> str:
        salted = argon2(salt=os.urandom(16), length=32, iterations=passes, lanes=1, memory_cost=memory_kib)
        text: str = salted.derive_phc_encoded(password)
        return text

    def verify(password: bytes, text: bytes) -> bool:
        try:
            argon2.verify_phc_encoded(password, text.decode())
        except invalid_key:
            return False
        return True

    return compute, verify


LIBRARIES: dict[str, Callable[[int, int], Hasher]] = {
    "argon2": use_argon2,
    "nacl": use_nacl,
    "cryptography": use_cryptography,
}

if __name__ == "__main__":
    main()
