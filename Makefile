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
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/tocsin
	$(BUILD) -o bin/tocsin ./cmd/tocsin

.PHONY: run
run: build ## real samples, replayed; alerts appear within seconds
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
	@go list -f '{{.Dir}} {{.ImportPath}}' ./... | while read -r dir pkg; do \
		for target in $$(grep -hos '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go | cut -c6-); do \
			echo "== $$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$pkg" || exit 1; \
		done; \
	done

.PHONY: bench
bench: bench-whole bench-parts ## how fast and how large: the whole program, then its parts

.PHONY: bench-whole
bench-whole: build ## the whole program on LINES real log lines, with its peers where they are installed
	go run ./bench -suite whole -lines $(LINES) -tocsin bin/tocsin

.PHONY: bench-logs
bench-logs: build ## log formats, and LogTrack's job on 210,000 and LINES lines; LOGTRACK=DIR measures a checkout of it beside
	go run ./bench -suite logs -lines $(LINES) -tocsin bin/tocsin $(if $(LOGTRACK),-logtrack '$(LOGTRACK)')

.PHONY: bench-parts
bench-parts: ## batches, parsers, filters, aggregation, journal, history and detection, each by itself
	go test -run '^$$' -bench 'Build|Encode|Decode' -benchmem ./internal/event
	go test -run '^$$' -bench Parse -benchmem ./internal/parser/...
	go test -run '^$$' -bench 'Select|Set' ./internal/filter
	go test -run '^$$' -bench Top ./internal/aggregate
	go test -run '^$$' -bench 'Append|Read|Raw' ./internal/journal
	go test -run '^$$' -bench 'Access|Flows' -benchtime 1x ./internal/history
	go test -run '^$$' -bench 'History|Live' -benchtime 1x ./internal/detect

.PHONY: bench-%
bench-%: ## the benchmarks of one package below internal, as in make bench-history
	go test -run '^$$' -bench . -benchmem -benchtime 2s ./internal/$*/...

.PHONY: cross
cross: ## the binaries for Linux and macOS, in bin/
	@for platform in $(PLATFORMS); do \
		echo "== $$platform"; \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} $(BUILD) -o bin/tocsin-$${platform%/*}-$${platform#*/} ./cmd/tocsin || exit 1; \
	done

.PHONY: clean
clean: ## remove what was built
	rm -rf bin coverage.out
