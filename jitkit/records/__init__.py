"""Structured records over raw bytes."""
