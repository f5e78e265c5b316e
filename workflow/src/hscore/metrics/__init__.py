"""Measures and fits that simulation, learning, statistics and recovery share: one implementation of each."""
