"""Network descriptions in, `Network` out."""
