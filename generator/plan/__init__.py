"""From a lowered network and a budget to a `Plan` with exact cycles."""
