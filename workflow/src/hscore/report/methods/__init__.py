"""The methods text, generated from the resolved config."""
