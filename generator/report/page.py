"""The page: all sections of a report in one self-contained HTML file."""

from __future__ import annotations

from .facts import Facts
from .inputs import ReportInputs
from .interface_section import interface_section
from .mapping_section import mapping_section
from .markup import Markup, document, element, join
from .network_section import network_section
from .resources_section import resources_section
from .roofline import roofline_section
from .style import STYLE
from .summary import summary
from .timeline_section import timeline_section

__all__ = ["render"]

SECTIONS = (("network", "Network", network_section), ("mapping", "What runs where", mapping_section),
            ("timeline", "Timeline", timeline_section), ("roofline", "Roofline", roofline_section),
            ("resources", "Resources", resources_section), ("interface", "Interface", interface_section))


def render(inputs: ReportInputs) -> str:
    """One HTML document that needs no network and no other file; the same inputs give the same text."""
    facts = Facts(inputs)
    navigation = element("nav", *(element("a", title, href=f"#{name}") for name, title, _ in SECTIONS))
    main = element("main", summary(facts), navigation, *(section(facts) for _, _, section in SECTIONS),
                   element("footer", f"Made by Gatecast {inputs.version}."))
    return document(f"{inputs.network.name}: Gatecast report", STYLE, _lines(join([main])))


def _lines(body: Markup) -> Markup:
    """Line breaks where a section begins, which makes the file bearable to look at."""
    return Markup(body.replace("<section", "\n<section").replace("<footer", "\n<footer"))
