# Everything a developer, an operator at a desk and continuous integration run. `make help` lists it.
# Nothing here needs root; all set-up stays under target/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help tools certificates build demo run test judges check-deploy check bench soak

TOOLS := $(CURDIR)/target/tools
export PATH := $(TOOLS)/bin:$(PATH)

# How long `make soak` breaks things, in minutes, and the seed of an earlier soak to repeat.
SOAK_MINUTES ?= 10
SOAK_SEED ?=

# The benchmark to run alone: `make bench ONLY=product_get_vs_bare`.
ONLY ?=

# Where local-sql keeps the statements that it is sent by tests, see tests/judges/tsql/run.
SENT := $(CURDIR)/target/judges/tsql/sent
test judges: export LOCAL_SQL_STATEMENTS := $(SENT)

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

tools: $(TOOLS)/ready ## Put redis-server and cargo-nextest under target/tools where the machine has none.

$(TOOLS)/ready: deploy/desk/unpack-redis deploy/desk/unpack
	@command -v cargo >/dev/null || { echo "Rust is needed: install it with rustup"; exit 1; }
	@deploy/desk/unpack-redis $(TOOLS)
	@cargo nextest --version >/dev/null 2>&1 || cargo install --quiet --locked --root $(TOOLS) cargo-nextest
	@touch $@

certificates: tools ## Make the certificate authority of the tests, and its certificates, under target/tls.
	@cargo run --locked --quiet -p test-ca

build: tools ## Build every binary (development profile).
	cargo build --locked --workspace --bins

demo: build ## The main job end to end, narrated and asserted; leaves nothing running.
	target/debug/demo

run: build ## Keep the whole stack up with demo data; Ctrl-C stops all of it.
	target/debug/stack

# What the tests send to local-sql is kept for the judge of T-SQL.
test: build certificates ## Every test (Rust and redis-server only).
	rm -rf $(SENT)
	cargo nextest run --locked --workspace
	cargo test --locked --workspace --doc --quiet

judges: tools check-deploy ## Judges that nobody here wrote; one that cannot run counts as failed. Needs python3, node, and root once (mono, Chromium).
	tests/judges/http/run
	tests/judges/signalr/run
	tests/judges/tds/run
	tests/judges/cron/run
	tests/judges/pages/run
	tests/judges/tsql/run

check-deploy: tools ## The judges of what containers are made and started from (deploy/).
	tests/judges/deploy/run

check: ## Formatting, lints and documentation, each warning an error.
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --quiet -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --workspace --no-deps --quiet

# Only what it starts, as it ships.
bench: tools ## Benchmarks side by side; prints a table and writes target/bench.json (ONLY=name runs one).
	cargo build --locked --release \
		--bin frontend-api --bin authoring-api --bin job-worker --bin local-sql --bin bench
	target/release/bench $(if $(ONLY),--only $(ONLY))

soak: build ## Break a busy system at random for SOAK_MINUTES (10) and judge what its users saw; SOAK_SEED repeats one. Then job servers and caches, for as long, every state of the feed, and 200 kills of local-sql.
	target/debug/soak --minutes $(SOAK_MINUTES) $(if $(SOAK_SEED),--seed $(SOAK_SEED))
	SOAK_MINUTES=$(SOAK_MINUTES) cargo test --locked --quiet -p jobs --test it -- --ignored --nocapture --skip the_process
	STOA_INSTANCES_SECS=$$((60 * $(SOAK_MINUTES))) cargo test --locked --quiet -p backplane --test it whatever_is_disturbed -- --nocapture
	STOA_MODEL_STATES=0 cargo test --locked --quiet -p backplane --test it no_state_ -- --nocapture
	LOCAL_SQL_KILLS=200 cargo test --locked --quiet -p local-sql --test it a_kill_under_load -- --nocapture
