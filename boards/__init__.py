"""What each board offers, as data, and how its pins reach the accelerator."""
