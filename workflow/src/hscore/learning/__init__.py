"""Learning: samples -> networks -> frozen ensembles of patient scores. Only this package imports torch and MONAI."""
