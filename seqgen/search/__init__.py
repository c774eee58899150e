"""Searches over a stepper: greedy, sampling, beam."""
