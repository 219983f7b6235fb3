# The commands a newcomer needs. `make setup` is run by the others.
SHELL := /bin/bash
CARGO ?= cargo
OUT ?= results
BIN = $(CARGO_TARGET)/release
CARGO_TARGET = $(or $(CARGO_TARGET_DIR),target)

.PHONY: help setup build samples run tour test lint bench fuzz clean

help:
	@echo "make run    build, write sample granules, catalogue and serve them (PORT=3000)"
	@echo "make tour   transform the sample granules in six ways on the command line"
	@echo "make test   all tests"
	@echo "make lint   formatting and clippy, warnings denied"
	@echo "make bench  our program beside its peers, as ratios from the same run"
	@echo "make fuzz   a short run of every fuzz target"
	@echo "make setup  install the Debian/Ubuntu libraries that are missing"
	@echo "make clean  remove what the others made"

setup:
	@sh scripts/setup.sh

build: setup
	$(CARGO) build --release --bins

samples: build
	@$(CARGO) run --release --quiet -p harmony-testdata -- samples

run: samples
	@BIN=$(BIN) sh scripts/serve-samples.sh

tour: samples
	@BIN=$(BIN) OUT=$(OUT) sh scripts/run-samples.sh

test: setup
	$(CARGO) test --workspace

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

bench: build
	$(CARGO) run --release --quiet -p harmony-testdata -- bench bench-data
	python3 benches/run.py --bin $(BIN)/harmony-transform --data bench-data

fuzz: setup
	sh scripts/fuzz.sh

clean:
	rm -rf $(OUT) samples bench-data harmony-data
	$(CARGO) clean
