"""Readers of the files that people have: each gives text with its place."""
