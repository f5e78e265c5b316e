"""Read DICOM folders: headers, frames, series, geometry, pixels, and the words that must not leave the step."""
