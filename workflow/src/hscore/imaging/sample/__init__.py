"""Sample: cut boxes around the tumour out of adjacent sections, the input of the networks."""
