# `make help` lists the targets. Paths are relative, so that a folder with spaces in its name works.
.PHONY: help demo test test-odoo bench bench-warehouse lint format constraints clean venv

BIN := .venv/bin
# Plug-ins of Meltano are found by name on PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

demo: venv ## lift the bundled workspace into an Odoo sandbox and report
	@"$(BIN)/crmlift" demo

test: lint ## lint, types, import contracts and all tests that need no CRM
	@"$(BIN)/pytest" -n 2

test-odoo: venv ## the pipeline against a real Odoo 19, set up on this machine
	@tools/odoo-lab setup
	@"$(BIN)/pytest" -m odoo tests/odoo

bench: venv ## speed beside plain scripts and the stock SDK, as ratios
	@"$(BIN)/python" benchmarks

bench-warehouse: venv ## a million people and three million deliveries from data-warehouse files (minutes)
	@"$(BIN)/python" benchmarks warehouse

lint: venv
	@"$(BIN)/ruff" check .
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/mypy"
	@"$(BIN)/lint-imports"

format: venv ## format the code
	@"$(BIN)/ruff" check --fix .
	@"$(BIN)/ruff" format .

constraints: ## write constraints.txt anew
	@tools/pin

clean: ## stop the Odoo lab, remove the environment and all caches
	@[ ! -d .cache/odoo ] || tools/odoo-lab remove
	@rm -rf .venv .cache .meltano .crmlift .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

venv:
	@tools/bootstrap
