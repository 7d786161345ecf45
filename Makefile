# Every verb installs what it needs into .tools/ (once, with progress shown), and says in one line what is missing.

ARCH ?= arm64
# Template parameters of `make deploy`, e.g. PARAMETERS="AllowedOrigins=https://console.example.com"
PARAMETERS ?=

PYTHON ?= python3
LOCAL := .tools/local/bin/python
SAM := SAM_CLI_TELEMETRY=0 .tools/sam/bin/sam
TOOLS := $(PYTHON) infra/local/tools.py
STACK := $(LOCAL) infra/local/stack.py

.PHONY: help models fuzz run test reconcile mutants up down fmt lint lint-quick build bench deploy

help: ## show the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: up ## start the system and a live demo conversation (Ctrl-C ends the demo, `make down` the system)
	SWITCHBOARD_STACK=$(CURDIR)/.local/stack.json cargo run --quiet --package e2e --bin demo

test: ## run every suite; SUITES="unit e2e" runs some
	@$(TOOLS) rust nextest node java local sam checkov dynamodb-local
	@$(LOCAL) infra/local/test.py $(SUITES)

reconcile: ## account for 2,000 messages after killing functions at random and restarting the consumers
	@$(TOOLS) rust local
	@$(LOCAL) infra/local/test.py reconcile

up: ## start the local stack in the background, or bring it up to date; PORT=4566 fixes its port
	@$(TOOLS) rust local
	cargo build --workspace --bins
	@$(STACK) up $(if $(PORT),--port $(PORT))

down: ## stop the local stack
	@if [ -x $(LOCAL) ]; then $(STACK) down; else echo "no local stack was running"; fi

fmt: ## format the sources
	cargo fmt --all

lint: lint-quick ## format, clippy, dependencies, template
	@$(TOOLS) deny local sam checkov
	cargo clippy --workspace --all-targets -- -D warnings
	PATH="$$PATH:$(CURDIR)/.tools/bin" cargo deny check --allow unused-wrapper bans licenses sources
	@$(LOCAL) infra/local/test.py template

lint-quick: ## the lints that compile nothing
	@$(TOOLS) rust
	cargo fmt --all --check

models: ## explore the models exhaustively, and print the states of each
	@$(TOOLS) rust
	cargo run --quiet --package models

fuzz: ## fuzz every parser of foreign bytes, MINUTES of processor time each (10); TARGETS="operator event" only some
	@$(PYTHON) tests/fuzz/run.py $(or $(MINUTES),10) $(TARGETS)

mutants: ## plant bugs in the rules one by one: the domain's own suites must notice; MUTANTS="--re decline" only some
	@$(TOOLS) mutants
	@$(PYTHON) infra/local/mutants.py $(MUTANTS)

build: ## the functions' release zips, with their sizes; ARCH=x86_64 for that processor
	@$(TOOLS) rust build
	@$(PYTHON) infra/local/release.py $(ARCH)

bench: ## cold start, memory and processor time of the zips that `make build ARCH=x86_64` made
	@$(PYTHON) tests/bench/cold_start.py telegram-webhook inbound router outbound

SEEDS ?= 10000
FROM ?= 0

simulate: ## many seeds of the simulation; SEEDS=n FROM=s, or SEED=n with its story, or BUGS=1 for the planted bugs
	@$(TOOLS) rust
	cargo run --quiet --package simulation --bin simulate -- \
		$(if $(SEED),--seed $(SEED) --verbose,$(if $(BUGS),--bugs,--seeds $(SEEDS) --from $(FROM)))

deploy: build ## deploy to AWS with SAM (credentials and region as the AWS CLI takes them)
	@$(TOOLS) sam
	$(SAM) deploy --parameter-overrides Architecture=$(ARCH) $(PARAMETERS)
