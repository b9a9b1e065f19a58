"""Separators that were trained: neural networks and their weights."""
