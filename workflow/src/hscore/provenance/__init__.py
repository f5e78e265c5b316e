"""Record and verification of a run: manifest, RO-Crate, exact comparison with a rerun."""
