SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help up down clean logs ps test lint bench soak

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## Bring Runlet up: installs what is missing, builds, starts, and runs one program
	@deploy/bootstrap/up.sh

down: ## Stop Runlet and keep its data
	@deploy/bootstrap/down.sh

clean: ## Remove all of Runlet from this machine, its data too
	@deploy/bootstrap/clean.sh

logs: ## Follow the services' logs
	@deploy/bootstrap/compose.sh logs -f --tail 100

ps: ## Show what runs
	@deploy/bootstrap/compose.sh ps

test: ## Check everything against a stack of its own; PYTEST_ARGS="tests/unit -x" narrows it
	@deploy/bootstrap/test.sh

bench: ## Measure against the bare interpreter and engine, into docs/bench/; BENCH_RUNS=1000 for more
	@deploy/bootstrap/bench.sh

soak: ## Ten thousand runs in a row in reused containers: nothing may stay or grow
	@SOAK_RUNS=10000 PYTEST_ARGS="tests/hostile/test_endurance.py" deploy/bootstrap/test.sh

lint: ## Check format, lint and types
	@deploy/bootstrap/lint.sh
