"""Scores of outputs and of models."""
