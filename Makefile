# Every target does its own set-up; each is safe to run again.
.DEFAULT_GOAL := help
NODE ?= node

.PHONY: help setup build lint test fuzz fuzz-containment mutate-containment demo bench clean
help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12
setup: ## Install what is missing: npm packages, ffmpeg
	@$(NODE) scripts/setup.mjs
build: setup ## Generate code and bundle every program into dist/
	@npm run --silent generate && npm run --silent build
lint: setup ## Types, formatting, lint, protocol rules
	@npm run --silent generate && npm run --silent check && cd proto && npx buf lint && npx buf format --diff --exit-code && npx buf breaking --against baseline.binpb
test: ## Everything CI runs: make test ARGS="daemon/kaic" for some of the tests
	@$(NODE) scripts/setup.mjs --tests
	@npm run --silent generate && npm run --silent build
	@$(NODE) scripts/test.mjs $(ARGS)
fuzz: setup ## Mutated inputs for every parser: make fuzz ARGS="--runs 1000000 --seed 1 --target sdp"
	@$(NODE) scripts/fuzz.mjs $(ARGS)
fuzz-containment: setup ## Random rulesets, kernel against proof (root): make fuzz-containment ARGS="1000 1"
	@$(NODE) scripts/fuzz-containment.mjs fuzz $(ARGS)
mutate-containment: setup ## Every small change to the ruleset, proof against packets (root)
	@$(NODE) scripts/fuzz-containment.mjs lab $(ARGS)
demo: build ## Two simulated cameras, recorded and looked at: make demo ARGS="--for 30s --report r.json"
	@$(NODE) dist/opennvr.js demo $(ARGS)
bench: build ## The numbers in docs/design/performance.md: make bench ARGS="tap"
	@$(NODE) scripts/bench.mjs $(ARGS)
clean: ## Remove what was built
	@rm -rf dist proto/gen .demo .cache
