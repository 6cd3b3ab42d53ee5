"""Measurements of speed and memory, each beside what else would do the same work; results lie in ``results/``."""
