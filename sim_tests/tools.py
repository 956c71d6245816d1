"""Tests that need tools: skipped where one is missing, unless GATECAST_REQUIRE_TOOLS=1 forbids to skip."""

import os

import pytest

from gatecast import toolbox
from gatecast.simulation.simulators import SIMULATORS, TOOLS


def needs(*names: str) -> pytest.MarkDecorator:
    """Return the mark of a test that needs these simulators or tools, as `gatecast.toolbox` names them.

    With GATECAST_REQUIRE_TOOLS=1 the test runs in any case, and fails for want of the tool.
    """
    wanted = {tool for name in names for tool in TOOLS.get(name, (name,))}
    missing = [tool for tool in toolbox.tools() if tool.name in wanted and tool.version is None]
    reason = "; ".join(f"{tool.name} is missing, get it with {tool.how_to_get}" for tool in missing)
    required = os.environ.get("GATECAST_REQUIRE_TOOLS") == "1"
    return pytest.mark.skipif(bool(missing) and not required, reason=reason)


# For pytest.mark.parametrize: each simulator, skipped where it is missing.
EACH_SIMULATOR = [pytest.param(simulator, marks=needs(simulator)) for simulator in SIMULATORS]
