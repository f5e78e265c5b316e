"""The HTML report page and the quality pages of the centres."""
