"""Learning: samples -> networks -> frozen ensembles of patient scores. The only room that imports torch and MONAI."""
