"""What the Snakefile needs: the checked study, its paths, batches, targets, resources and code digests."""
