SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help up runner down clean logs ps secret dead-letters test lint bench soak load capacity backlog chaos scale dashboard docs

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## Bring Runlet up: installs what is missing, builds, starts, and runs one program; MONITORING=1 adds Prometheus and Grafana
	@deploy/bootstrap/up.sh

runner: ## Bring up a runner alone, for a broker elsewhere: AMQP_URL=amqps://… AMQP_CA_FILE=./ca.pem
	@deploy/bootstrap/runner.sh

down: ## Stop Runlet and keep its data
	@deploy/bootstrap/down.sh

clean: ## Remove all of Runlet from this machine, its data too
	@deploy/bootstrap/clean.sh

logs: ## Follow the services' logs
	@deploy/bootstrap/compose.sh logs -f --tail 100

ps: ## Show what runs
	@deploy/bootstrap/compose.sh ps

secret: ## Print a secret that was made: NAME=CALLBACK_SECRET, GRAFANA_ADMIN_PASSWORD, …
	@deploy/bootstrap/compose.sh run --rm secrets show $(NAME)

dead-letters: ## List the dead letters; ARGS="requeue ID" or ARGS="delete ID" settles one
	@deploy/bootstrap/compose.sh exec -T execution-api python -m execution_api.dead_letters.cli $(or $(ARGS),list)

test: ## Check everything against a stack of its own; PYTEST_ARGS="tests/unit -x" narrows it
	@deploy/bootstrap/test.sh

bench: ## Measure against the bare interpreter and engine, into docs/bench/; BENCH_RUNS=1000 for more
	@deploy/bootstrap/measure.sh bench

soak: ## Ten thousand runs in a row in reused containers: nothing may stay or grow
	@SOAK_RUNS=10000 PYTEST_ARGS="tests/hostile/test_endurance.py" deploy/bootstrap/test.sh

load: ## 200 clients that type and 20 that run, into docs/load/; LOAD_SECONDS=300 for longer
	@deploy/bootstrap/measure.sh load

capacity: ## Measure what calls cost, simulate more learners, into docs/capacity/
	@deploy/bootstrap/measure.sh capacity

backlog: ## Whether 100,000 waiting runs and 5 million stored ones slow the APIs down, into docs/capacity/
	@deploy/bootstrap/measure.sh backlog

scale: ## Measure what four runners carry against one, into .runlet/scaling.md; SCALE_WAVES=20 for more
	@deploy/bootstrap/measure.sh scale

chaos: ## Kill, cut and freeze every part under load, into docs/chaos.md; CHAOS_ROUNDS=3 for more
	@deploy/bootstrap/chaos.sh

dashboard: ## Draw the dashboard under load into docs/dashboard.png; DASHBOARD_SECONDS=300 for longer
	@deploy/bootstrap/measure.sh dashboard

docs: ## Write docs/settings.md and docs/metrics.md again from the code
	@deploy/bootstrap/docs.sh

lint: ## Check format, lint and types
	@deploy/bootstrap/lint.sh
