# Everything a contributor or packager runs, by name. `make help` lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --always --dirty --tags 2>/dev/null || echo 0.5.0-dev)
PREFIX  ?= /usr/local
DESTDIR ?=
# How long each fuzz target runs.
FUZZTIME ?= 5s

TOOL    := go tool -modfile=tools/go.mod
LDFLAGS := -s -w -X main.version=$(VERSION)
# Names that the one binary with all roles answers to.
ROLES   := dffmpeg-coordinator dffmpeg-worker dffmpeg-client dffmpeg-admin

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## build the static binaries into bin/
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

.PHONY: test
test: ## install what the tests need, then run every test with the race detector, and the simulation without
	@dev/deps
	@dev/services up >/dev/null
	go test -race -timeout 15m ./...
	go test -timeout 15m -run 'TestManySeeds|TestBrokenIsFound' ./internal/coordinator/simulation
	cd docs/examples/plugins && go test ./...

.PHONY: services
services: ## start the database servers and brokers that tests use (dev/services --help)
	@dev/services up

.PHONY: lint
lint: ## check style, errors and the rules of the architecture
	$(TOOL) golangci-lint run

.PHONY: fmt
fmt: ## format the Go code
	$(TOOL) golangci-lint fmt

.PHONY: vuln
vuln: ## look for known vulnerabilities in what the binaries use (needs the Internet)
	$(TOOL) govulncheck ./...

.PHONY: bench
bench: ## run the benchmarks and print their results
	@dev/deps
	@dev/services up >/dev/null
	@dev/bench

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (5s)
	@FUZZTIME='$(FUZZTIME)' dev/fuzz

.PHONY: soak
soak: ## run jobs on every database with every transport, without and with faults (DFFMPEG_FAULT_SEED repeats those of chance)
	@dev/deps
	@dev/services up >/dev/null
	DFFMPEG_SOAK=1 go test -count=1 -timeout 60m -parallel 3 -v -run 'TestMatrix|TestFaults' ./e2e

.PHONY: simulate
simulate: ## run the scheduler with 500 workers and 20,000 jobs in virtual time (DFFMPEG_SIMULATION_SEED chooses the seed)
	go test -count=1 -timeout 30m -v ./internal/coordinator/simulation

.PHONY: upgrade
upgrade: ## see pending and running jobs through an upgrade in place from revision FROM
	@dev/deps
	@dev/upgrade '$(FROM)'

.PHONY: demo
demo: ## transcode a clip through a local dffmpeg and watch it
	@dev/deps
	@$(MAKE) --no-print-directory build
	@dev/demo

.PHONY: install
install: build ## install into $(DESTDIR)$(PREFIX)/bin, with a name for each role
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 bin/dffmpeg bin/dffmpeg_proxy '$(DESTDIR)$(PREFIX)/bin'
	for role in $(ROLES); do ln -sfn dffmpeg '$(DESTDIR)$(PREFIX)/bin/'$$role; done

.PHONY: clean
clean: ## remove what was built
	dev/services down
	rm -rf bin dist bench/out
