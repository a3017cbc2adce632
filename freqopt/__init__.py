"""Frequency-aware and fixed-memory optimizers for embedding tables: reference, simulation, proof."""
