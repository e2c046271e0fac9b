# `make run` starts the service, `make test` checks everything. A fresh clone needs Python 3.11 or newer, make
# and a package index; both commands make .venv themselves and do nothing when it is current.

SHELL := /bin/sh
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# PYTHON=python3.12 make run chooses one; otherwise the first that is new enough.
PYTHON ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
UV := VIRTUAL_ENV=.venv $(BIN)/uv --system-certs pip --quiet
AUDIT_VERSION := 2.10.1

.PHONY: run test lint types e2e faults faults-quick faults-report slow conformance relying-parties bench docs audit mutants
.PHONY: lock .venv run-env clean screenshots contact-sheet

run: run-env
	@exec $(BIN)/accounts serve

# `make test COVERAGE=yes`, as CI says, also wants 95 % of the branches of core and flows; watching them takes its time.
COVERAGE ?=
# Bytecode is kept here whatever the environment says: to rewrite the asserts of all tests costs each worker three
# seconds, and each process that a test starts would compile what was changed since `make .venv`.
test e2e faults faults-quick faults-report slow: export PYTHONDONTWRITEBYTECODE :=
test: lint types
	@rm -f .coverage .coverage.*
	@$(BIN)/python -m pytest -n auto -m "not e2e and not faults" $(if $(COVERAGE),--cov --cov-report=)
	@$(if $(COVERAGE),$(call covered,accounts/core))
	@$(if $(COVERAGE),$(call covered,accounts/flows))

lint: .venv
	@$(BIN)/ruff check --quiet .
	@$(call quietly,$(BIN)/ruff format --check .)
	@PYTHONPATH=. $(call quietly,$(BIN)/lint-imports --no-logo)

types: .venv
	@$(call quietly,$(BIN)/mypy)

# A real browser through the whole of the main job.
e2e: .venv
	@$(BIN)/python -m pytest -n auto -m e2e

# What takes its time: processes that are killed, clocks apart, keys that rotate under load, links replayed as scanners
# do, and whatever an adversary tries.
faults: .venv
	@$(BIN)/python -m pytest -n auto -m "faults and not e2e"

# A service of three processes under load, killed and broken, and looked at afterwards: a short round on each database,
# which is a part of `make faults` and of CI; and as many rounds as it takes, which write docs/reliability.md.
KILLS ?= 1000
faults-quick: .venv
	@$(BIN)/python -m pytest -n 2 tests/faults/test_quick.py
faults-report: .venv
	@$(BIN)/python -m tests.faults --kills $(KILLS)

# Both in one run, as CI has it: no processor waits for the longest test of one of them. Half of their time these tests
# wait, for processes that start and for what comes after seconds: two of them share a processor.
slow: .venv
	@$(BIN)/python -m pytest -n $$((2 * $$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN))) --dist worksteal -m "e2e or faults"

# The modules of the OpenID Connect conformance suite, as our own tests have them: module, level, result.
conformance: .venv
	@$(BIN)/python -m pytest -q -n 0 -p no:randomly -p tests.oidc.levels --conformance -m oidc_module tests/oidc

# Whether libraries of others sign in to an app as it is registered by default, as a table. Installs them into
# .venv-relying-parties; what cannot be had is skipped by name.
relying-parties: .venv
	@$(BIN)/python -m pytest -q -n 0 -p no:randomly -p tests.oidc.relying_parties.table \
		tests/oidc/relying_parties/sign_ins.py

# Figures, each by one command: `make bench` runs all of bench/, `make bench-audit` one. Slow; wants a quiet machine.
# First `make bench-peers`, which makes the environments of others. `make bench-quick`: whether something got dearer.
BENCHES := $(patsubst bench/%.py,bench-%,$(filter-out bench/growth_data.py,$(wildcard bench/*.py)))
BENCHES_BY_NAME := bench-peers bench-quick bench-tables bench-scaling
.PHONY: $(BENCHES)
bench: $(filter-out $(BENCHES_BY_NAME),$(BENCHES))
$(BENCHES): bench-%: .venv
	@$(BIN)/python bench/$*.py

# Every setting, code, limit, route, command and example in docs/ and README.md against the code.
docs: .venv
	@$(BIN)/python -m pytest -q tests/test_docs.py tests/test_doc_examples.py

# What each recovery takes away, as docs/security.md has it.
recovery-table: .venv
	@$(BIN)/python -c 'from accounts.flows.shared import recovery; print(recovery.format_recovery_table())'

# What answers of mail servers mean, as docs/mail.md has it.
mail-replies-table: .venv
	@$(BIN)/python -c 'from accounts.delivery import refusals; print(refusals.format_rules(), end="")'

# Known holes in what is locked. The auditor has an environment of its own.
audit: .venv
	@$(BIN)/uv tool run --quiet pip-audit==$(AUDIT_VERSION) --strict --disable-pip \
		--require-hashes -r requirements/dev.txt

# The pictures in docs/screenshots. Every state in every language, to look at: `make contact-sheet`.
screenshots: .venv
	@$(BIN)/python -m tests.pictures
contact-sheet: .venv
	@$(BIN)/python -m tests.pictures --sheet .pictures/desktop
	@$(BIN)/python -m tests.pictures --sheet .pictures/phone --phone --dark

# Whether the tests notice when the core of links and keys, and what acts, is changed: one small change at a time.
# `make mutants MUTANTS='*'` takes all of the files in pyproject.toml, half an hour or more.
ACTS := act _create_or_extend_account undo_email_change delete_account recover_account clear_lock _set_address \
	_drop_stale_anchor
MUTANTS ?= accounts.core.* $(ACTS:%=accounts.flows.*.x_%__mutmut_*)
mutants: .venv
	@$(PIP) install --require-hashes -r requirements/mutants.txt
	@rm -rf mutants && set -f && PATH="$$PWD/$(BIN):$$PATH" mutmut run $(MUTANTS) > mutants.log 2>&1 || \
		{ tail -n 20 mutants.log; exit 1; }
	@$(BIN)/mutmut export-cicd-stats > mutants.log && $(BIN)/python -c "$$judge_mutants"

define judge_mutants
import json, sys
stats = json.load(open("mutants/mutmut-cicd-stats.json"))
killed = stats["killed"] + stats["timeout"]
tried = killed + stats["survived"] + stats["suspicious"] + stats["no_tests"]
print(f"killed {killed} of {tried} ({100 * killed / max(tried, 1):.1f} %)")
sys.exit(killed < 0.9 * tried or not tried)
endef
export judge_mutants

# Writes the locks anew for every platform, keeping what still fits; `make lock UPGRADE=--upgrade` takes the newest.
lock: .venv
	@$(compile) requirements/uv.in -o requirements/uv.txt
	@$(compile) --extra all pyproject.toml requirements/run.in -o requirements/run.txt
	@$(compile) --all-extras pyproject.toml requirements/run.in requirements/dev.in -o requirements/dev.txt
	@$(compile) requirements/mutants.in -o requirements/mutants.txt

compile = $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	--custom-compile-command "make lock" $(UPGRADE)

# Everything dev.txt pins holds what run.txt pins, so the development environment also runs the service.
run-env:
	@$(call current,run) || { $(call install,run); }

.venv:
	@$(call current,dev) || { $(call install,dev) && $(call remember,run); }

clean:
	rm -rf .pictures .venv .venv-peers .venv-relying-parties .faults bench/.results mutants .coverage .coverage.* .mypy_cache .ruff_cache \
		.pytest_cache .hypothesis

# What an environment holds: a lock, and the checkout as pyproject.toml says. Its scripts name its place, so a
# copied checkout makes its own.
made_from = { pwd; cat requirements/uv.txt requirements/$(1).txt pyproject.toml; }
current = $(call made_from,$(1)) | cmp -s - .venv/made-from-$(1)
remember = $(call made_from,$(1)) > .venv/made-from-$(1)

# uv takes seconds where pip takes a minute; both check the hashes. uv does not read pip's settings, so it is told
# the index, and pip goes on where uv cannot. Compiled here once: where Python may not keep bytecode
# (PYTHONDONTWRITEBYTECODE), every start would take seconds.
define install
$(find_python) && echo "Installing requirements/$(1).txt into .venv ..." && \
if [ "$$(cat .venv/made-in 2>/dev/null)" != "$$(pwd)" ]; then \
	"$$python" -m venv --clear .venv && pwd > .venv/made-in; fi && \
index=$$($(BIN)/python -m pip config list | sed -n "s/^[a-z:]*\.index-url='\(.*\)'$$/\1/p" | tail -n 1) && \
if $(PIP) install --require-hashes -r requirements/uv.txt && \
	UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$index}" \
	$(UV) install --compile-bytecode --require-hashes -r requirements/$(1).txt; then \
	$(UV) install --no-deps --no-build-isolation --editable .; \
else echo "uv could not; pip installs instead." >&2; \
	$(PIP) install --require-hashes -r requirements/$(1).txt && \
	$(PIP) install --no-deps --no-build-isolation --editable .; fi && \
$(BIN)/python -m compileall -q accounts && \
$(call remember,$(1))
endef

define find_python
python=; for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		python=$$candidate; break; fi; done; \
if [ -z "$$python" ]; then \
	echo "accounts needs Python 3.11 or newer; name yours: make $@ PYTHON=/path/to/python3" >&2; exit 1; fi; \
if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	echo "$$python cannot make environments; install its venv module (Debian, Ubuntu: apt install python3-venv)." >&2; \
	exit 1; fi
endef

# Says nothing unless it fails: the last line of `make test` is pytest's.
quietly = said=$$($(1) 2>&1) || { echo "$$said"; exit 1; }
covered = $(call quietly,$(BIN)/coverage report --include='$(1)/*' --fail-under=95)
