"""Rerun a three-centre MRI study of lymph-node metastasis, from DICOM to survival report."""

__version__ = "0.1.0"
