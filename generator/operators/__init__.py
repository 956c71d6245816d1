"""One file per operator: shape rule, golden computation, bounds and lowering."""
