# Every target sees to .venv first (bootstrap.py); once that is made, this costs a moment.

# make PYTHON=… names the interpreter to make .venv with; else the one it has, else the first that fits.
PYTHON ?=
PYTHONS = $(or $(PYTHON),.venv/bin/python python3 python3.13 python3.12 python3.11)
FITS = import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))

INPUT ?=
SIZE ?= 1m
# Each worker has a Spark of its own, with up to 3 GB of heap (conf/test.toml).
WORKERS ?= 2
ARGS ?=
UV ?= uv
TASKS = sessionize top_paths funnel npath fruitless text_bigrams sentiment \
    graph_pagerank graph_components graph_communities graph_links graph_change_ranks \
    graph_change_components graph_star
RETINUE_HOME ?= $(CURDIR)/var

.DEFAULT_GOAL := help
.PHONY: help ready demo test lint lab notebooks bench cluster lock clean

# A Spark or Python installed elsewhere must not answer in place of the locked one.
unexport SPARK_HOME SPARK_CONF_DIR PYTHONHOME PYTHONPATH

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1|/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "%-16s%s\n", $$1, $$2 }'

ready:  ## the environment in .venv: packages, jars, public data
	@for python in $(PYTHONS); do \
	    $$python -c '$(FITS)' 2>/dev/null && exec $$python bootstrap.py; \
	done; \
	echo "retinue needs Python 3.11, 3.12 or 3.13 with its venv module and found none" \
	     "(python3 is $$(python3 --version 2>/dev/null || echo missing)): install one (Debian or Ubuntu:" \
	     "sudo apt install python3 python3-venv, macOS: brew install python@3.13, elsewhere: python.org)" \
	     "or name yours, make PYTHON=/path/to/python3.12." >&2; \
	exit 2

demo: ready  ## the first answers, on public data or your own file: make demo INPUT=access.log
	@.venv/bin/retinue demo $(if $(INPUT),--input "$(INPUT)")

test: ready  ## every test; ARGS go to pytest: make test ARGS="-k sessions"
	@.venv/bin/python -m pytest -n $(WORKERS) --no-loadscope-reorder $(ARGS)

lint: ready  ## style, format, strict types
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/mypy bootstrap.py jobs bench

lab notebooks: export RETINUE_HOME := $(RETINUE_HOME)

lab: ready  ## JupyterLab on the notebooks, with the demo's lake
	@test -d "$$RETINUE_HOME/lake" || .venv/bin/retinue demo
	@.venv/bin/jupyter lab notebooks

notebooks: ready  ## run the notebooks and keep their outputs in them
	@.venv/bin/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False notebooks/*.ipynb

bench: ready  ## the comparison with other engines: make bench SIZE=10m TASK=npath
	@for task in $(or $(TASK),$(TASKS)); do \
	    .venv/bin/python -m bench --task $$task --size $(SIZE) || exit; \
	done

cluster: ready  ## the tests on a standalone cluster of two workers
	@.venv/bin/python -m pytest -m cluster $(ARGS)

# uv keeps the versions that the locks have; make lock ARGS=--upgrade takes the newest instead.
LOCK = $(UV) pip compile --quiet --universal --generate-hashes --no-annotate --custom-compile-command "make lock"
lock:  ## the locks anew from setup.py, by uv
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 2; }
	printf 'pip\nsetuptools>=77\n' | $(LOCK) $(ARGS) --python-version 3.11 --output-file conf/locks/build.txt -
	for version in 3.11 3.12 3.13; do \
	    $(LOCK) $(ARGS) --all-extras --python-version $$version --output-file conf/locks/py$$version.txt setup.py || exit; \
	done

clean:  ## away with .venv and what tools leave behind; var stays
	@rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis spark-warehouse artifacts
