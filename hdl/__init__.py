"""Hardware templates: Amaranth components that know numbers and shapes, but no network, file or board."""
