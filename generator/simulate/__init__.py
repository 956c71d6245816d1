"""RTL simulation of an accelerator in four simulators behind one function."""
