"""Checks of an estimate: balance, overlap, sensitivity to what was not measured, refutation."""
