"""A small world of scenes that can be told in two languages."""
