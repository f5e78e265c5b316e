"""From DICOM folders to training samples: convert, normalize and sample the images of each patient, and check them."""
