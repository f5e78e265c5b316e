"""Write the region of interest of a simulated patient in her centre's format: DICOM-SEG, RTSTRUCT or NIfTI mask."""

import gzip
from pathlib import Path

import contourpy
import nibabel as nib
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from hscore.simulation.dicom_series import Study, base_header, file_meta
from hscore.simulation.scanners import Series

NUMBER = 900  # series number of the region of interest


def write_dicom_seg(path: Path, mask: np.ndarray, images: list[Dataset], study: Study, label: str) -> None:
    """Write `mask` (sections, rows, columns; bool) as a binary DICOM Segmentation of `images`.

    Sections without tumour get no frame (DICOM PS3.3 A.51: frames may be sparse). The object is written directly,
    because segmentation libraries insert the current time and random UIDs, which would change the bytes in every run.
    """
    sections = np.flatnonzero(mask.any(axis=(1, 2)))
    ds = base_header(study, "SEG", NUMBER, "Tumour outline")
    ds.SOPClassUID = SegmentationStorage
    ds.SOPInstanceUID = study.uid("segmentation")
    ds.InstanceNumber = 1
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.Manufacturer, ds.ManufacturerModelName = "Simulated reader", "hscore"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "0", "1"
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "TUMOUR", "Simulated outline", ""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = mask.shape[1:]
    ds.NumberOfFrames = len(sections)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 1, 1, 0, 0
    ds.LossyImageCompression = "00"
    ds.SegmentationType = "BINARY"
    ds.SegmentSequence = [
        _dataset(
            SegmentNumber=1,
            SegmentLabel=label,
            SegmentAlgorithmType="MANUAL",
            SegmentedPropertyCategoryCodeSequence=[_code("49755003", "SCT", "Morphologically Abnormal Structure")],
            SegmentedPropertyTypeCodeSequence=[_code("108369006", "SCT", "Neoplasm")],
        )
    ]
    dimension = study.uid("dimension")
    pointers = ((0x0062000B, 0x0062000A), (0x00200032, 0x00209113))  # segment number; position in plane position
    ds.DimensionOrganizationSequence = [_dataset(DimensionOrganizationUID=dimension)]
    ds.DimensionIndexSequence = [
        _dataset(DimensionOrganizationUID=dimension, DimensionIndexPointer=index, FunctionalGroupPointer=group)
        for index, group in pointers
    ]
    ds.ReferencedSeriesSequence = [
        _dataset(
            SeriesInstanceUID=images[0].SeriesInstanceUID,
            ReferencedInstanceSequence=[_referenced_image(image) for image in images],
        )
    ]
    measures = _dataset(
        PixelSpacing=images[0].PixelSpacing,
        SliceThickness=images[0].SliceThickness,
        SpacingBetweenSlices=images[0].SpacingBetweenSlices,
    )
    orientation = _dataset(ImageOrientationPatient=images[0].ImageOrientationPatient)
    ds.SharedFunctionalGroupsSequence = [
        _dataset(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[orientation])
    ]
    ds.PerFrameFunctionalGroupsSequence = [
        _frame(images[section], position) for position, section in enumerate(sections, start=1)
    ]
    packed = np.packbits(mask[sections].ravel(), bitorder="little").tobytes()
    ds.PixelData = packed + b"\0" * (len(packed) % 2)
    ds["PixelData"].VR = "OB"
    ds.file_meta = file_meta(SegmentationStorage, ds.SOPInstanceUID)
    ds.save_as(path, enforce_file_format=True)


def _frame(image: Dataset, position: int) -> Dataset:
    """Return the functional groups of one frame: its position, its segment, and the image it was drawn on."""
    purpose = _code("121322", "DCM", "Source image for image processing operation")
    derivation = _code("113076", "DCM", "Segmentation")
    source = _referenced_image(image)
    source.PurposeOfReferenceCodeSequence = [purpose]
    source.SpatialLocationsPreserved = "YES"
    return _dataset(
        DerivationImageSequence=[_dataset(SourceImageSequence=[source], DerivationCodeSequence=[derivation])],
        FrameContentSequence=[_dataset(DimensionIndexValues=[1, position])],
        PlanePositionSequence=[_dataset(ImagePositionPatient=image.ImagePositionPatient)],
        SegmentIdentificationSequence=[_dataset(ReferencedSegmentNumber=1)],
    )


def _dataset(**attributes) -> Dataset:
    """Return a sequence item with these attributes."""
    item = Dataset()
    for name, value in attributes.items():
        setattr(item, name, value)
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a code sequence item."""
    return _dataset(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def write_rtstruct(
    path: Path, structures: dict[str, np.ndarray], images: list[Dataset], series: Series, study: Study
) -> None:
    """Write masks (sections, rows, columns; bool) by name as closed planar contours of an RTSTRUCT.

    Contours run half-way between the centres of the last pixel inside and the first outside, so every rule for pixels
    on the border reproduces the mask.
    """
    ds = base_header(study, "RTSTRUCT", NUMBER, "Tumour outline")
    ds.SOPClassUID = RTStructureSetStorage
    ds.SOPInstanceUID = study.uid("structure set")
    ds.InstanceNumber = 1
    ds.Manufacturer, ds.OperatorsName = "Simulated reader", ""
    ds.StructureSetLabel = "TUMOUR"
    ds.StructureSetDate, ds.StructureSetTime = study.date, "120000"
    referenced = Dataset()
    referenced.FrameOfReferenceUID = ds.FrameOfReferenceUID
    referenced.RTReferencedStudySequence = [_referenced_study(ds, images)]
    ds.ReferencedFrameOfReferenceSequence = [referenced]
    regions, contours, observations = [], [], []
    for number, (name, mask) in enumerate(structures.items(), start=1):
        region = Dataset()
        region.ROINumber, region.ROIName, region.ROIGenerationAlgorithm = number, name, "MANUAL"
        region.ReferencedFrameOfReferenceUID = ds.FrameOfReferenceUID
        regions.append(region)
        contour = Dataset()
        contour.ReferencedROINumber, contour.ROIDisplayColor = number, [255, 64 * number % 256, 0]
        contour.ContourSequence = _contours(mask, images, series)
        contours.append(contour)
        observation = Dataset()
        observation.ObservationNumber, observation.ReferencedROINumber = number, number
        observation.RTROIInterpretedType, observation.ROIInterpreter = "", ""
        observations.append(observation)
    ds.StructureSetROISequence = regions
    ds.ROIContourSequence = contours
    ds.RTROIObservationsSequence = observations
    ds.file_meta = file_meta(RTStructureSetStorage, ds.SOPInstanceUID)
    ds.save_as(path, enforce_file_format=True)


def write_nifti_mask(path: Path, mask: np.ndarray, series: Series) -> None:
    """Write `mask` (sections, rows, columns; bool) as a gzipped NIfTI-1 mask in scanner coordinates (RAS, mm)."""
    affine = series.affine
    affine[:2] *= -1  # LPS to RAS
    image = nib.Nifti1Image(np.ascontiguousarray(mask.transpose(2, 1, 0).astype(np.uint8)), affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=1, mtime=0))


def _referenced_study(ds: Dataset, images: list[Dataset]) -> Dataset:
    """Return the item that refers to the study, the series and its images."""
    series = Dataset()
    series.SeriesInstanceUID = images[0].SeriesInstanceUID
    series.ContourImageSequence = [_referenced_image(image) for image in images]
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management (retired), as readers expect
    item.ReferencedSOPInstanceUID = ds.StudyInstanceUID
    item.RTReferencedSeriesSequence = [series]
    return item


def _referenced_image(image: Dataset) -> Dataset:
    """Return the item that refers to an image."""
    item = Dataset()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return item


def _contours(mask: np.ndarray, images: list[Dataset], series: Series) -> list[Dataset]:
    """Return the contour items of a mask, in patient coordinates."""
    pixel = series.protocol["pixel"]
    items = []
    for section in np.flatnonzero(mask.any(axis=(1, 2))):
        padded = np.pad(mask[section].astype(float), 1)
        for line in contourpy.contour_generator(z=padded).lines(0.5):
            columns, rows = (line[:-1] - 1).T  # the line repeats its first point
            points = series.positions[section] + pixel * (np.outer(columns, series.row) + np.outer(rows, series.column))
            item = Dataset()
            item.ContourImageSequence = [_referenced_image(images[section])]
            item.ContourGeometricType = "CLOSED_PLANAR"
            item.NumberOfContourPoints = len(points)
            item.ContourData = [f"{value:.4f}" for value in points.ravel()]
            items.append(item)
    return items
