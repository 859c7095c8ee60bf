# The verbs of this checkout; CI calls the same ones.
PYTHON ?= python3
PORT ?=
BIN := .venv/bin
BOOTSTRAP := $(PYTHON) libs/cli/bootstrap.py
PYTEST := $(BIN)/python -m pytest
# Folders whose files run side by side, each with databases, subjects and ports of its own; and those whose files use both cores or a
# fixed port, or assert that others are not disturbed; LONG are those of them that can run side by side all the same, first, since they
# take the longest. Exit code 5 of pytest: ARGS selects none of them.
LONG := tests/readme/test_documentation.py tests/faults/test_up.py tests/faults/test_simulation.py
ABREAST := $(LONG) tests/architecture tests/behaviour tests/contract tests/integration tests/unit
ALONE := tests/compose tests/e2e tests/faults tests/interop tests/k8s tests/network tests/packages tests/readme
WORKERS ?= 2
# What the container image runs.
IMAGE := runtime cli auth room registry relay im record gateway
# The members that others install, each after those that it needs, and where `make packages` puts them.
WHEELS := contracts kernel verify runtime client cli
DIST ?= dist/packages
# What builds the image, its name, and further options of the build, such as --no-cache or --build-arg PYTHON_IMAGE=python@sha256:…
ENGINE ?= $(if $(shell command -v podman),podman,docker)
TAG ?= parlour
FLAGS ?=
COMMITTED = $(shell git log -1 --format=%ct)
REVISION = $(shell git rev-parse HEAD)
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# Where `make site` puts the documentation; the gateway of `make up` serves it from there.
SITE ?= dist/docs
# Node from its wheel, where the machine has none.
export PATH := $(CURDIR)/.venv/node:$(PATH)

.DEFAULT_GOAL := help
.PHONY: docs site packages image version help setup up down status test unit rust-test web-test lint format types e2e faults guarantees k8s-test bench lock browser

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: ## everything into .venv: Python packages, the Rust core, the browser SDK
	@$(BOOTSTRAP) setup

up: setup ## start the whole suite and print its address (PORT=8080 to choose the port)
	@$(BIN)/parlour up --detach $(if $(PORT),--port $(PORT))

down: ## stop it
	@$(BIN)/parlour down

status: ## what is running
	@$(BIN)/parlour status

test: setup browser rust-test web-test ## all tests: Rust, browser SDK, unit, integration, faults, end to end
	@failed=; \
	$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ABREAST) $(ARGS) || [ $$? -eq 5 ] || failed=1; \
	$(PYTEST) $(ALONE) $(LONG:%=--ignore=%) $(ARGS) || [ $$? -eq 5 ] || failed=1; \
	[ -z "$$failed" ]

unit: setup rust-test web-test ## the tests that need no network
	@$(PYTEST) tests/unit tests/architecture $(ARGS)

rust-test: setup ## the packet core's own tests; release, since its dependencies are built so already
	@cargo test --release --quiet

web-test: setup ## the browser SDK's own tests
	@cd libs/sdk-web && npm test --silent

e2e: setup browser ## the browser tests alone
	@$(PYTEST) tests/e2e $(ARGS)

FUZZ := tests/integration/test_http_fuzz.py tests/integration/test_websocket_fuzz.py
faults: setup browser ## every process killed, stopped and restarted under load, and thousands of odd requests; results in bench/results/faults.json
	@PARLOUR_FAULTS=all $(PYTEST) tests/faults $(FUZZ) -o timeout=3000 -o faulthandler_timeout=3300 $(ARGS)

guarantees: setup ## each promise of GUARANTEES.md broken on purpose, to see its test fail
	@$(BIN)/python -m parlour.testkit.guarantees $(ARGS)

compose-test: setup browser ## docker-compose.yml built, started and called through, with Docker or podman
	@PARLOUR_COMPOSE=1 $(PYTEST) -o faulthandler_timeout=3600 tests/compose $(ARGS)

k8s-test: setup browser ## deploy/k8s rendered and validated, then installed and called through on the cluster that KUBECONFIG names
	@PARLOUR_K8S=1 $(PYTEST) -o faulthandler_timeout=3600 tests/k8s $(ARGS)

lint: setup ## ruff, import rules, clippy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@cargo fmt --check
	@cargo clippy --release --all-targets --quiet -- -D warnings

format: setup ## rewrite Python sources in the house's form
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

types: setup ## pyright strict, tsc --strict for the browser SDK and the pages' JavaScript
	@$(BIN)/basedpyright
	@cd libs/sdk-web && npm run --silent types

bench: setup ## the benchmarks, each with its floor beside it
	@$(BIN)/python -m bench $(ARGS)

docs: setup ## write the generated reference pages anew
	@$(BIN)/python -m parlour.cli.contract_files .
	@$(BIN)/python -m parlour.cli.settings_page > docs/reference/settings.md
	@$(BIN)/python -m parlour.cli.compose_nats > deploy/docker/nats.conf
	@$(BIN)/python -m parlour.cli.compose_nats readers > deploy/docker/nats-readers.conf
	@$(BIN)/python -m parlour.cli.compose_nats cluster > deploy/k8s/components/plain-databases/nats.conf
	@$(BIN)/python -m parlour.gateway.wiring > docs/reference/openapi.json
	@$(BIN)/python bench/page.py > bench/README.md
	@$(BIN)/python bench/capacity.py > docs/explanation/capacity.md
	@$(BIN)/python deploy/observability/generator deploy/observability/dashboards
	@cd libs/sdk-web && npm run --silent compatibility > ../../docs/reference/compatibility.md

site: setup ## the documentation as a site with search, in dist/docs (SITE=folder for another); the gateway serves it at /docs
	@$(BIN)/python docs/build_site.py $(SITE)

packages: setup ## wheels, the browser SDK's npm package and their SHA-256, in dist/packages (DIST=folder for another)
	@mkdir -p $(DIST) && cd $(DIST) && rm -f *.whl *.tgz SHA256SUMS
	@for name in $(WHEELS); do $(BIN)/uv build --quiet --wheel --package parlour-$$name --out-dir $(DIST) || exit 1; done
	@cp libs/sdk-web/dist/*.tgz $(DIST)
	@rm -f $(DIST)/.gitignore && cd $(DIST) && sha256sum *.whl *.tgz > SHA256SUMS && cat SHA256SUMS

image: ## the container image, with the commit's time on its files (TAG=name, ENGINE=podman|docker, FLAGS=options of the build)
	@$(ENGINE) build $(if $(findstring podman,$(ENGINE)),--format docker --timestamp=$(COMMITTED),--build-arg SOURCE_DATE_EPOCH=$(COMMITTED)) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) $(FLAGS) -t $(TAG) -f deploy/docker/Dockerfile .

version: ## set the version of every package (TO=0.2.0); the one in pyproject.toml is what the others are compared with
	@case "$(TO)" in *.*.*) ;; *) echo "make version TO=0.2.0"; exit 1;; esac
	@sed -i 's/^version = ".*"/version = "$(TO)"/; s/"\(parlour-[a-z]*\)==.*"/"\1==$(TO)"/' pyproject.toml Cargo.toml libs/*/pyproject.toml services/*/pyproject.toml

browser: ## a Chromium for the browser tests, where there is none
	@$(BOOTSTRAP) browser

lock: ## write the hash-locked requirements anew from the members' pyproject.toml
	@$(BIN)/uv lock --upgrade --quiet
	@$(BIN)/uv export --quiet --frozen --all-packages --extra otlp --group dev --no-emit-workspace --no-annotate --no-header -o requirements.lock
	@$(BIN)/uv export --quiet --frozen --no-dev --extra otlp $(IMAGE:%=--package parlour-%) --no-emit-workspace --no-annotate --no-header -o deploy/docker/requirements.lock
	@$(BIN)/uv export --quiet --frozen --only-group image --no-annotate --no-header -o deploy/docker/tools.lock
	@$(BIN)/uv export --quiet --frozen --only-group node --no-annotate --no-header -o libs/sdk-web/node.lock
