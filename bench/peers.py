"""Make the environments of the peers: ``make bench-peers``, or ``python bench/peers.py allauth`` for one.

Each in a place of its own that git does not know, from the versions locked in ``bench/peers/<name>``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from harness.contender import ENVIRONMENTS

PEERS = Path(__file__).parent / "peers"


def make_environment(folder: Path) -> str:
    """Make the environment of one peer anew; what is wrong, or ""."""
    if (requirements := folder / "requirements.txt").exists():
        place = ENVIRONMENTS / folder.name
        python = str(place / "bin" / "python")
        commands = [
            [sys.executable, "-m", "venv", "--clear", str(place)],
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)],
        ]
    elif shutil.which("npm") is None:
        return "npm is missing; install Node 20 or newer"
    else:
        commands = [["npm", "ci", "--no-audit", "--no-fund"]]
    for command in commands:
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        if done.returncode:
            return (done.stderr or done.stdout)[-1500:]
    return ""


def main(names: list[str]) -> int:
    failed = 0
    for folder in sorted(PEERS.iterdir()):
        if folder.is_dir() and (not names or folder.name in names):
            print(f"{folder.name} ...", flush=True)
            if wrong := make_environment(folder):
                print(f"{folder.name}: {wrong}", file=sys.stderr)
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
