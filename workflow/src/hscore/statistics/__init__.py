"""The statistics of the study, without any reading of images: diagnosis, survival and what both share."""
