# Tandem. `make help` lists what there is.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PEERS   := sip-tester baresip-core sox iproute2 sipvicious sipsak nmap
LINT    := .ci/tools.mod
# One package's tests may take this long: those of the whole switch wait for the
# timers of SIP.
LIMIT   := 30m

.DEFAULT_GOAL := help
.PHONY: help build run demo test race fuzz bench soak lint cover check peers

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

build: ## build bin/tandem
	@mkdir -p bin
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/tandem ./cmd/tandem

run: build ## run the switch with ./tandem.yaml
	bin/tandem serve

demo: build ## see calls happen: a working day in under a minute, on loopback
	bin/tandem demo

peers: ## install what the tests play against (Debian packages)
	@.ci/peers $(PEERS)

test: peers ## run all tests
	$(GO) test -timeout $(LIMIT) ./...

race: ## run all tests with the race detector
	$(GO) test -race -timeout $(LIMIT) ./...

fuzz: ## fuzz every reader of bytes for FUZZTIME (10s) each
	@.ci/fuzz $(or $(FUZZTIME),10s)

bench: ## measure: calls, CPU, memory, loss, sieges; writes a table
	@.ci/bench

soak: ## calls with faults for SOAK (30m), then see that nothing is lost or left
	$(GO) run ./cmd/tandem/load -soak $(or $(SOAK),30m)

lint: ## vet and golangci-lint
	$(GO) vet ./...
	$(GO) run -modfile=$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint run ./...

cover: ## coverage by package
	$(GO) test -coverprofile=cover.out ./...
	$(GO) tool cover -func=cover.out | tail -n 1

check: lint test race fuzz ## all that must hold before a change lands
