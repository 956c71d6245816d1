"""Style: the look of the page, light and dark, on paper and on a phone."""

__all__ = ["COLOURS", "STYLE"]

LIGHT = """
  --page: #ffffff; --panel: #f5f7fa; --lane: #edf0f4; --line: #d3d9e2; --ink: #17202c; --quiet: #566273;
  --good: #17713b; --bad: #b3261e; --accent: #1f66b1; --on: #ffffff;
  --c0: #4f49b9; --c1: #6a7b29; --c2: #96396c; --c3: #0e7aa1; --c4: #6b1d13; --c5: #560b7c; --plain: #748092;
"""

DARK = """
  --page: #11161d; --panel: #1a212b; --lane: #232c38; --line: #394554; --ink: #e8edf3; --quiet: #a2aebd;
  --good: #69d08f; --bad: #ff8e84; --accent: #79b8f3; --on: #0d1218;
  --c0: #9496ff; --c1: #f3cb57; --c2: #f97ba7; --c3: #6cf0cb; --c4: #7fb52f; --c5: #dcb8f8; --plain: #8492a5;
"""

RULES = """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto,
  "Liberation Sans", "DejaVu Sans", sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }
header h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
header p { margin: .25rem 0 0; color: var(--quiet); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: 1rem 0 0; font-size: .9rem; }
nav a { color: var(--accent); text-decoration: none; white-space: nowrap; }
nav a:hover { text-decoration: underline; }
section { margin-top: 2.75rem; }
h2 { margin: 0 0 .5rem; font-size: 1.35rem; line-height: 1.25; }
h3 { margin: 1.75rem 0 .4rem; font-size: 1.02rem; }
p { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); font-size: .9rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
code, pre { font-family: ui-monospace, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace; }
code { font-size: .9em; }
.cards { display: grid; grid-template-columns: repeat(4, 1fr); gap: .75rem; margin-top: 1.25rem; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem .9rem; }
.card dt { color: var(--quiet); font-size: .8rem; line-height: 1.3; }
.card dd { margin: .1rem 0 0; font-size: 1.45rem; font-weight: 650; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.card dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--quiet); line-height: 1.35; }
dl { margin: 0; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums;
  margin: .5rem 0; }
th, td { padding: .38rem .7rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: break-word; }
th:first-child, td:first-child { padding-left: 0; }
thead th { color: var(--quiet); font-weight: 500; font-size: .8rem; vertical-align: bottom; }
tbody th { font-weight: 600; }
tfoot th, tfoot td { font-weight: 600; border-bottom: 0; }
.number { text-align: right; white-space: nowrap; }
figure { margin: 1rem 0; }
figcaption { color: var(--quiet); font-size: .88rem; max-width: 46rem; margin-top: .3rem; }
svg { display: block; width: 100%; height: auto; font-family: inherit; }
svg text { fill: var(--ink); font-size: 12px; }
svg text.quiet { fill: var(--quiet); font-size: 11px; }
svg text.strong { font-weight: 650; }
svg text.mid { text-anchor: middle; } svg text.end { text-anchor: end; }
.lane { fill: var(--lane); } .panel { fill: var(--panel); stroke: var(--line); }
.tick { stroke: var(--line); stroke-width: 1; }
.frame { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 3 3; opacity: .65; }
.edge { fill: none; stroke: var(--quiet); stroke-width: 1.5; } .tip { fill: var(--quiet); }
.badge { fill: var(--page); stroke: var(--quiet); }
.roof { fill: none; stroke: var(--ink); stroke-width: 2; }
.limit { fill: none; stroke: var(--quiet); stroke-dasharray: 5 4; }
.guide { stroke: var(--quiet); stroke-dasharray: 2 3; }
.bar.odd { fill-opacity: .4; }
.on { fill: var(--on) !important; font-size: 11px !important; } .on.odd { fill: var(--ink) !important; }
.named { display: inline-flex; align-items: baseline; overflow-wrap: break-word; }
.key { flex: none; display: inline-block; width: .8em; height: .8em; border-radius: .2em;
  margin-right: .4em; vertical-align: -.03em; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .5rem 0; padding: 0;
  list-style: none; font-size: .88rem; }
.used { fill: var(--c0); background: var(--c0); } .more { fill: var(--c1); background: var(--c1); }
.third { fill: var(--c3); background: var(--c3); } .over { fill: var(--bad); }
.useful { fill: var(--c3); background: var(--c3); } .edges { fill: var(--c1); background: var(--c1); }
.holds { fill: var(--c2); background: var(--c2); } .idle { fill: var(--line); background: var(--line); }
details { margin: .6rem 0; border: 1px solid var(--line); border-radius: .6rem; background: var(--panel); }
summary { cursor: pointer; padding: .55rem .9rem; font-weight: 600; overflow-wrap: anywhere; }
summary span { font-weight: 400; color: var(--quiet); }
pre { margin: 0; padding: .2rem .9rem .8rem; overflow-x: auto; font-size: .82rem; line-height: 1.5; }
footer { margin-top: 3rem; padding-top: .8rem; border-top: 1px solid var(--line);
  color: var(--quiet); font-size: .85rem; }
@media (max-width: 48rem) { .cards { grid-template-columns: repeat(2, 1fr); } }
@media (max-width: 40rem) {
  main { padding: 1rem .85rem 2rem; } table { min-width: 44rem; } header h1 { font-size: 1.5rem; }
  .cards { gap: .5rem; } .card dd { font-size: 1.2rem; }
}
"""

PRINT = """
  html { font-size: 9.5pt; } body { font-size: 9.5pt; } .cards { grid-template-columns: repeat(4, 1fr); }
  main { max-width: none; padding: 0; } nav { display: none; }
  section { margin-top: 1.5rem; } figure, .card, tr, details { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; } table { min-width: 0; } svg { min-width: 0 !important; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
"""

# Of six hues each pair stays apart for people who do not see red or green. `plain` is for the links.
COLOURS = 6
_CLASSES = [*(f"c{index}" for index in range(COLOURS)), "plain"]
_COLOURS = "\n".join(f".{name} {{ fill: var(--{name}); }} .key.{name} {{ background: var(--{name}); }}"
                     for name in _CLASSES)

STYLE = (f":root {{ color-scheme: light dark; {LIGHT} }}\n"
         f"@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}\n"
         f"@media print {{ :root {{ {LIGHT} }} }}\n"
         f"{RULES}{_COLOURS}\n@media print {{ {PRINT} }}\n")
