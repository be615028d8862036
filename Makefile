# tocsin is built and tested by Go alone; `make help` lists what there is.

export CGO_ENABLED := 0
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
BUILD    := go build -trimpath -ldflags '$(LDFLAGS)'
LINT     := go tool -modfile=tools/go.mod golangci-lint
FUZZTIME ?= 10s
LINES    ?= 1000000
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64

.DEFAULT_GOAL := help

.PHONY: help
help: ## list these
	@awk -F ':.*## ' '/^[a-z0-9%-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/tocsin
	$(BUILD) -o bin/tocsin ./cmd/tocsin

.PHONY: run
run: build ## real log samples and made-up flows, replayed; alerts appear within seconds
	bin/tocsin demo

.PHONY: test
test: ## everything; what needs PostgreSQL or a browser is skipped, saying so, unless CI is set
	go test -shuffle=on -timeout 20m ./...

.PHONY: race
race: ## the tests under the race detector, which needs a C compiler
	CGO_ENABLED=1 go test -race -short -shuffle=on -timeout 25m ./...

.PHONY: vet
vet: ## what Go itself finds suspicious
	go vet ./...

.PHONY: check
check: format-check vet lint test race generate-check ## what CI asks of a change

.PHONY: fmt
fmt: ## format
	gofmt -w $$(git ls-files '*.go')

.PHONY: format-check
format-check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not formatted (make fmt):"; echo "$$unformatted"; exit 1; }

.PHONY: lint
lint: ## the linters of .golangci.yml; the first run builds them, which takes minutes
	$(LINT) run ./...

.PHONY: generate
generate: ## docs/reference from the code
	go generate ./...

.PHONY: generate-check
generate-check: generate
	@git diff --exit-code -- docs/reference || { echo "generated files are not current: commit what make generate wrote"; exit 1; }

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each
	@tools/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: bench-whole bench-parts ## how fast and how large: the whole program, then its parts

.PHONY: bench-whole
bench-whole: build ## the whole program on LINES real log lines, with its peers where they are installed
	go run ./bench -suite whole -lines $(LINES) -tocsin bin/tocsin

.PHONY: bench-logs
bench-logs: build ## log formats, and LogTrack's job on 210,000 and LINES lines; LOGTRACK=DIR measures a checkout of it beside
	go run ./bench -suite logs -lines $(LINES) -tocsin bin/tocsin $(if $(LOGTRACK),-logtrack '$(LOGTRACK)')

.PHONY: bench-alerts
bench-alerts: build ## event to notice at 10,000 events/s, and lists of 10,000 open alerts
	go run ./bench -suite alerts -tocsin bin/tocsin

.PHONY: bench-flows
bench-flows: build ## flows: 300,000 a second from the socket to history and rules, beside nfcapd, and the parts; SHORT=1 for a quick look
	go run ./bench -suite flows -tocsin bin/tocsin $(if $(SHORT),-short -for 10s)
	go test -run '^$$' -bench 'Track|Flood|Receive|Take' -benchmem -cpu 1 ./internal/flow/session ./internal/source/flows

.PHONY: bench-parts
bench-parts: ## batches, parsers, filters, aggregation, journal, history and detection, each by itself
	go test -run '^$$' -bench 'Build|Encode|Decode' -benchmem ./internal/event
	go test -run '^$$' -bench Parse -benchmem ./internal/parser/...
	go test -run '^$$' -bench 'Select|Set' ./internal/filter
	go test -run '^$$' -bench Top ./internal/aggregate
	go test -run '^$$' -bench 'Append|Read|Raw' ./internal/journal
	go test -run '^$$' -bench 'Access|Flows' -benchtime 1x ./internal/history
	go test -run '^$$' -bench 'History|Live' -benchtime 1x ./internal/detect

.PHONY: conformance
conformance: ## how lines are read, against public samples; SAMPLES names the copies (docs/conformance.md)
	TOCSIN_SAMPLES="$(SAMPLES)" go test -count 1 -v -tags samples ./internal/conformance
	TOCSIN_SAMPLES="$(SAMPLES)" go test -count 1 -v -tags samples -run TestPublicPayloads ./internal/flow/netflow

.PHONY: eval-rules
eval-rules: ## the shipped rules by tuning and held-out logs; DATA names the clones (docs/rulepacks.md)
	go run ./bench/packs -data "$(DATA)"

.PHONY: bench-%
bench-%: ## the benchmarks of one package below internal, as in make bench-history
	go test -run '^$$' -bench . -benchmem -benchtime 2s ./internal/$*/...

.PHONY: cross
cross: ## the binaries for Linux and macOS, in bin/
	@for platform in $(PLATFORMS); do \
		echo "== $$platform"; \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} $(BUILD) -o bin/tocsin-$${platform%/*}-$${platform#*/} ./cmd/tocsin || exit 1; \
	done

# What follows are LogTrack's targets, with its names and its variables, for those who have them in their fingers; see
# docs/logtrack.md. They need no tocsin installed: bin/tocsin is built when it is missing or older than its sources.
# DATA=DIR names the directory of the data. Values reach the program through the environment, so that no shell reads them.

TOCSIN   ?= bin/tocsin
FACE      = $(TOCSIN) logtrack
COMPOSE  ?= docker compose
HERE     := $(dir $(lastword $(MAKEFILE_LIST)))
EXPECTED  = $(firstword $(wildcard samples/expected/$(1)) $(HERE)testdata/logtrack/expected/$(1))
$(foreach name,file FILE hours username role,$(eval override export $(name) := $$(value $(name))))
export EMIT_ARTIFACTS ZSCORE_ENABLED
ifneq ($(DATA),)
export TOCSIN_DATA := $(DATA)
endif

bin/tocsin: $(shell find cmd internal -type f -not -path '*/testdata/*' 2>/dev/null) go.mod
	@$(BUILD) -o bin/tocsin ./cmd/tocsin

.PHONY: init-db
init-db: $(TOCSIN) ## LogTrack: load the rules of rules_config.json, or the built-in ones
	@$(FACE) init-db

.PHONY: reset-db
reset-db: $(TOCSIN) ## LogTrack: forget logs, alerts, and how far files were read
	@$(FACE) reset-db

.PHONY: reinit
reinit: $(TOCSIN) ## LogTrack: reset-db, then init-db
	@$(FACE) reinit

.PHONY: user
user: $(TOCSIN) ## LogTrack: add the account username=NAME; asks for password and role
	@$(FACE) user -- "$$username" "$$role"

.PHONY: ingest
ingest: $(TOCSIN) ## LogTrack: read file=NAME, and print the first rows
	@$(FACE) ingest -- "$${FILE:-$$file}"

.PHONY: detect
detect: $(TOCSIN) ## LogTrack: judge all logs and keep the alerts
	@$(FACE) detect

.PHONY: ingest-detect
ingest-detect: $(TOCSIN) ## LogTrack: read file=NAME, and judge
	@$(FACE) ingest-detect -- "$${FILE:-$$file}"

.PHONY: print
print: $(TOCSIN) ## LogTrack: print the first 20 rows
	@$(FACE) print

.PHONY: clear-alerts
clear-alerts: $(TOCSIN) ## LogTrack: delete all alerts
	@$(FACE) clear-alerts

.PHONY: clear-logs
clear-logs: $(TOCSIN) ## LogTrack: delete logs older than hours=N
	@$(FACE) clear-logs -- "$$hours"

.PHONY: dash
dash: $(TOCSIN) ## LogTrack: say where the page is; run it when nobody does
	@$(FACE) dash

.PHONY: docker-up
docker-up: ## LogTrack: PostgreSQL in a container; a password is made when DB_PASSWORD and .env name none
	@test -n "$$DB_PASSWORD" || test -e .env || (umask 077; echo "DB_PASSWORD=$$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" > .env; \
	test -z "$$SUDO_UID" || chown "$$SUDO_UID" .env)
	@if $(COMPOSE) version >/dev/null 2>&1; then exec $(COMPOSE) up; fi; \
	echo "Docker Compose is not here, and not needed: tocsin keeps everything in its data directory."

.PHONY: docker-down
docker-down: ## LogTrack: stop that container
	@if $(COMPOSE) version >/dev/null 2>&1; then exec $(COMPOSE) down; fi; \
	echo "Docker Compose is not here: there is no container to stop."

.PHONY: venv
venv: ## LogTrack: nothing to do; venv/bin/activate puts bin/ into the PATH
	@mkdir -p venv/bin
	@test -e venv/bin/activate || cp $(HERE)internal/persona/logtrack/activate.sh venv/bin/activate
	@echo "tocsin is one program and needs no Python. To call it by name: source venv/bin/activate"

.PHONY: activate
activate: ## LogTrack: how to put bin/ into the PATH
	@echo "tocsin is one program and needs no Python; make finds it in bin/."
	@echo "To call it by name, run the following:"
	@echo "source venv/bin/activate"

.PHONY: assert-golden
assert-golden: $(TOCSIN) ## LogTrack: compare what EMIT_ARTIFACTS=1 make ingest wrote with what is expected
	@$(FACE) assert-golden $(call EXPECTED,clf_parsed.json)

.PHONY: assert-alerts
assert-alerts: $(TOCSIN) ## LogTrack: the same for make detect
	@$(FACE) assert-alerts $(call EXPECTED,clf_alerts.json)

.PHONY: ci-e2e
ci-e2e: $(TOCSIN) ## LogTrack: its golden run, on data of its own
	@rm -rf .cache/ci-e2e
	@$(MAKE) --no-print-directory reinit DATA=.cache/ci-e2e
	@$(MAKE) --no-print-directory ingest FILE=testdata/logtrack/golden.clf EMIT_ARTIFACTS=1 DATA=.cache/ci-e2e
	@$(MAKE) --no-print-directory detect EMIT_ARTIFACTS=1 DATA=.cache/ci-e2e
	@$(MAKE) --no-print-directory assert-golden assert-alerts

.PHONY: clean
clean: ## remove what was built
	rm -rf bin coverage.out
