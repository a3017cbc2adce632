"""Arithmetic with the bits of `freqopt.streams`: elementary functions, folds, rows."""
