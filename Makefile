# Two commands for a newcomer: `make demo` runs the main job, `make test` passes the tests.
# Both set themselves up in a virtual environment of this folder.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo
APT = $$( [ "$$(id -u)" = 0 ] || echo sudo -n ) env DEBIAN_FRONTEND=noninteractive apt-get

.PHONY: demo test lint venv icarus clean

demo: $(VENV)/demo.stamp
	$(BIN)/gatecast build digits --board ulx3s-85f --multipliers 48 --frames 364 -o $(DEMO)

test: $(VENV)/test.stamp icarus lint
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	rm -rf build/types && $(BIN)/pip install --quiet --no-deps --target build/types .
	cd build/types && MYPYPATH=. $(abspath $(BIN))/mypy --config-file $(abspath pyproject.toml) -p gatecast

venv: $(VENV)/python.stamp

# Debian and Ubuntu keep the venv module in a package of its own.
$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Gatecast needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(APT) install -y python3-venv || \
	  { $(APT) update && $(APT) install -y python3-venv; } || \
	  { echo "Gatecast needs Python's venv module: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/demo.stamp: $(VENV)/python.stamp pyproject.toml
	$(BIN)/pip install --quiet --editable '.[ecp5,host]'
	touch $@

$(VENV)/test.stamp: $(VENV)/python.stamp pyproject.toml
	$(BIN)/pip install --quiet --editable '.[test,lint]'
	touch $@

# The only tool that is no wheel. Without it, and without leave to install it, its tests are skipped.
icarus:
	@command -v iverilog >/dev/null || $(APT) install -y --no-install-recommends iverilog || \
	  { $(APT) update && $(APT) install -y --no-install-recommends iverilog; } || \
	  echo "Icarus Verilog is missing and could not be installed: its tests will be skipped"

clean:
	rm -rf build $(VENV)
