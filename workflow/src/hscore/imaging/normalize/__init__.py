"""Normalize: correct the coil's bias field and put each volume on a common intensity scale."""
