"""A service behind TLS, one in plain http, and the examples beside them: each started once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import KEY
from tests.e2e.running import ROOT, Process, free_port
from tests.examples.kit import ON_NODE, Example, NodeMissing, RunningService, node
from tests.servers.certificates import Authority
from tests.servers.smtp import SmtpSink
from tests.servers.tunnel import tls_in_front_of

Open = Callable[..., RunningService]
Run = Callable[..., Example]


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory, sink: SmtpSink) -> Iterator[Open]:
    """Starts services: ``open_house(tls=True)``."""
    with ExitStack() as stack:

        def start(*, tls: bool, **settings: Any) -> RunningService:
            folder, port = tmp_path_factory.mktemp("service"), free_port()
            origin, ca = f"http://127.0.0.1:{port}", ""
            if tls:
                authority, outside = Authority(folder), free_port()
                stack.enter_context(tls_in_front_of(port, authority.server_context(), at=outside))
                origin, ca = f"https://127.0.0.1:{outside}", str(authority.certificate)
            given = {
                "env": "development",
                "port": port,
                "public_origin": origin,
                "instance": folder / "instance",
                "secret_keys": KEY,
                "mail_server": sink.host,
                "mail_port": sink.port,
                **settings,
            }
            environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
            environ |= {f"ACCOUNTS_{name.upper()}": str(value) for name, value in given.items()}
            process = Process(environ, folder)
            stack.callback(process.clear_up)
            process.start_and_answer()
            return RunningService(process, origin, sink, ca)

        yield start


@pytest.fixture(scope="module")
def tls_house(open_house: Open) -> RunningService:
    return open_house(tls=True)


@pytest.fixture(scope="module")
def plain_house(open_house: Open) -> RunningService:
    return open_house(tls=False)


@pytest.fixture
def run_example(tmp_path: Path) -> Iterator[Run]:
    """Registers and starts an example: ``run_example("flask", service)``."""
    with ExitStack() as stack:

        def run(name: str, service: RunningService, *more: str) -> Example:
            if name in ON_NODE:
                try:
                    node()
                except NodeMissing as missing:
                    pytest.skip(str(missing))
            folder = tmp_path / name
            folder.mkdir()
            example = Example(name, service, folder)
            example.register(*more)
            example.start()
            stack.callback(example.process.clear_up)
            return example

        yield run
