# Every task of the project, the same for people and for CI. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
UV := UV_PYTHON_DOWNLOADS=never $(BIN)/uv
CDK_CLI ?= aws-cdk@$(shell sed -n 's/^CDK_CLI = "\(.*\)"/\1/p' app.py)
ENV ?= dev

.PHONY: help setup run down test test-long bench lint format types imports unit infra e2e openapi actions schemas synth package deploy lock clean

help:  ## list the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: .venv/.ready  ## create .venv with all that the project needs, from the lock

.venv/.ready: pyproject.toml uv.lock tests/contract/asl/package-lock.json
	@bash infra/setup.sh "$(PYTHON)" "$(UV_VERSION)"
	@touch $@

run: setup  ## start the platform, load the demo bill, print its answer (the platform stays up)
	@$(BIN)/onyx up
	@$(BIN)/onyx demo

down: setup  ## stop the platform that `make run` started
	@$(BIN)/onyx down

test: lint types imports unit infra e2e  ## all that CI runs: lint, types, imports, every test but the long ones

unit: setup  ## fast tests: rules, use cases, adapters against moto, contracts
	@$(BIN)/pytest -q -n 2 -m "not long" tests/unit tests/integration tests/contract tests/replay

infra: setup  ## synthesized templates and packages
	@$(BIN)/pytest -q -m "not long" tests/infra

e2e: setup  ## the real templates on the embedded emulator, the real files
	@$(BIN)/pytest -q -m "not long" tests/e2e

test-long: setup  ## the suites that take too long for every change
	@$(BIN)/pytest -q -m long tests

bench: setup  ## benchmarks: ratios against a peer measured in the same run
	@$(BIN)/pytest -q -s tests/benchmarks

lint: setup  ## style and common mistakes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: setup  ## rewrite to the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: setup  ## mypy --strict
	@$(BIN)/mypy

imports: setup  ## who may import whom
	@$(BIN)/lint-imports

openapi: setup  ## write services/portal/openapi.json from the routes
	@$(BIN)/python -m infra.openapi

actions: setup  ## write services/workflow/actions.json from the actions that services declare
	@$(BIN)/python -m infra.actions

schemas: setup  ## write docs/events/*.json and the schema of workflows
	@$(BIN)/python -m shared.schemas docs/events
	@$(BIN)/python -m infra.definition_schema

synth: setup  ## synthesize dev, staging and prod (no AWS account needed), with cdk-nag
	@$(BIN)/python app.py

package: setup  ## build the Lambda layer for AWS (arm64)
	@$(BIN)/python -m infra.packaging

deploy: setup  ## deploy to the AWS account of your credentials: make deploy ENV=dev
	@ONYX_ENV=$(ENV) npx --yes $(CDK_CLI) deploy --all --app "$(BIN)/python app.py"

lock: setup  ## resolve the dependencies anew
	@$(UV) lock --upgrade

clean:  ## remove what was built (not .onyx, the local platform's state)
	@rm -rf build cdk.out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
