"""The region of interest: read from DICOM-SEG, RTSTRUCT and mask files, chosen, checked, and resampled."""
