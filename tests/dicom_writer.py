"""Writes small DICOM series for tests, with whatever a hospital might get wrong."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, RTStructureSetStorage, generate_uid

STUDY_UID = generate_uid(entropy_srcs=["study"])  # the same in every process: tests are named after it
FRAME_UID = generate_uid(entropy_srcs=["frame"])
TRANSVERSE = [1, 0, 0, 0, 1, 0]
SAGITTAL = [0, 1, 0, 0, 0, -1]


def volume(slices: int = 6, rows: int = 20, columns: int = 16, seed: int = 0) -> np.ndarray:
    """A smooth bright object in noise, uint16 [slice, row, column]."""
    z, y, x = np.mgrid[:slices, :rows, :columns]
    inside = (x - columns / 2) ** 2 + (y - rows / 2) ** 2 < (rows / 3) ** 2
    noise = np.random.default_rng(seed).integers(20, 40, inside.shape)
    return (inside * (600 + 3 * x + 2 * y + 5 * z) + noise).astype(np.uint16)


def image(
    pixels: np.ndarray,
    position: list[float],
    instance: int,
    series_uid: str,
    *,
    number: int = 1,
    description: str = "t2_tse_tra",
    orientation: list[float] = TRANSVERSE,
    spacing: tuple[float, float] = (1.5, 1.5),
    thickness: float = 5.0,
    patient_id: str = "PSEUDONYM",
    frame_uid: str = FRAME_UID,
    **elements,
) -> Dataset:
    """One classic MR image; ``elements`` are further DICOM keywords."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = STUDY_UID, series_uid, frame_uid
    dataset.Modality, dataset.Manufacturer, dataset.ManufacturerModelName = "MR", "SIEMENS", "Skyra"
    dataset.PatientID, dataset.PatientName = patient_id, patient_id
    dataset.SeriesNumber, dataset.InstanceNumber, dataset.AcquisitionNumber = number, instance, 1
    dataset.SeriesDescription, dataset.ProtocolName = description, description
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    dataset.MagneticFieldStrength, dataset.EchoTime, dataset.RepetitionTime = 3, 100, 4000
    dataset.ScanningSequence, dataset.MRAcquisitionType, dataset.PatientPosition = "SE", "2D", "HFS"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = list(position), list(orientation)
    dataset.PixelSpacing, dataset.SliceThickness = list(spacing), thickness
    dataset.SpacingBetweenSlices = thickness
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.PixelData = pixels.astype("<u2").tobytes()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def series(voxels: np.ndarray, *, origin=(-12.0, -15.0, 3.0), first_instance: int = 1, **options) -> list[Dataset]:
    """A stack [slice, row, column] along the normal of its orientation."""
    orientation = np.array(options.get("orientation", TRANSVERSE), float)
    normal = np.cross(orientation[:3], orientation[3:])
    uid = options.pop("series_uid", None) or generate_uid()
    distance = options.pop("distance", options.get("thickness", 5.0))
    return [
        image(pixels, list(np.array(origin) + k * distance * normal), first_instance + k, uid, **options)
        for k, pixels in enumerate(voxels)
    ]


def save(datasets: list[Dataset], folder: Path, name: str = "IM{:04d}.dcm") -> list[Path]:
    """Write datasets into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, dataset in enumerate(datasets, 1):
        paths.append(folder / name.format(number))
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def diffusion(b_values: list[float], adc: float = 1.0e-3, **options) -> list[Dataset]:
    """A series of several b-values (standard tag) with mono-exponential decay."""
    options = {"description": "ep2d_diff_tra", "number": 7, "series_uid": generate_uid()} | options
    first = options.pop("first_instance", 1)
    base = volume().astype(float)
    datasets = []
    for count, b in enumerate(b_values):
        voxels = np.rint(base * np.exp(-b * adc)).astype(np.uint16)
        datasets += series(voxels, first_instance=first + count * len(base), DiffusionBValue=float(b), **options)
    return datasets


def structure_set(contours: dict[str, list[np.ndarray]], frame_uid: str = FRAME_UID, series_uid: str = "") -> Dataset:
    """An RTSTRUCT: name -> contours, each [points, 3] in mm."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.Modality = RTStructureSetStorage, "RTSTRUCT"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.PatientID = generate_uid(), STUDY_UID, "PSEUDONYM"
    frame = Dataset()
    frame.FrameOfReferenceUID = frame_uid
    if series_uid:
        reference, study = Dataset(), Dataset()
        reference.SeriesInstanceUID = series_uid
        study.RTReferencedSeriesSequence = Sequence([reference])
        frame.RTReferencedStudySequence = Sequence([study])
    dataset.ReferencedFrameOfReferenceSequence = Sequence([frame])
    dataset.StructureSetROISequence, dataset.ROIContourSequence = Sequence(), Sequence()
    for number, (name, parts) in enumerate(contours.items(), 1):
        structure, item = Dataset(), Dataset()
        structure.ROINumber = item.ReferencedROINumber = number
        structure.ROIName, structure.ReferencedFrameOfReferenceUID = name, frame_uid
        item.ContourSequence = Sequence()
        for points in parts:
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", len(points)
            contour.ContourData = [f"{value:.4f}" for value in np.ravel(points)]
            item.ContourSequence.append(contour)
        dataset.StructureSetROISequence.append(structure)
        dataset.ROIContourSequence.append(item)
    return dataset


def square(low: tuple[float, float], high: tuple[float, float], height: float) -> np.ndarray:
    """Corners [4, 3] of a rectangle in a transverse plane, in mm."""
    return np.array(
        [[low[0], low[1], height], [high[0], low[1], height], [high[0], high[1], height], [low[0], high[1], height]]
    )


def enhanced(voxels: np.ndarray, b_values: list[float]) -> Dataset:
    """An Enhanced MR Image object of several b-values: all of its geometry stands in functional groups."""
    frames = [(b, k) for b in b_values for k in range(len(voxels))]
    pixels = np.stack([np.rint(voxels[k] * np.exp(-b * 1e-3)) for b, k in frames]).astype(np.uint16)
    dataset = image(pixels[0], [0, 0, 0], 1, "1.2.3.4", description="DWI", number=7)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "EchoTime", "SliceThickness"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    dataset.NumberOfFrames, dataset.PixelData = len(frames), pixels.tobytes()

    def item(**values) -> Sequence:
        one = Dataset()
        for keyword, value in values.items():
            setattr(one, keyword, value)
        return Sequence([one])

    shared = Dataset()
    shared.PixelMeasuresSequence = item(PixelSpacing=[1.5, 1.5], SliceThickness=5.0, SpacingBetweenSlices=5.0)
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.MREchoSequence = item(EffectiveEchoTime=70.0)
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    per_frame = []
    for b, k in frames:
        own = Dataset()
        own.PlanePositionSequence = item(ImagePositionPatient=[-12.0, -15.0, 3.0 + 5 * k])
        own.MRDiffusionSequence = item(DiffusionBValue=b, DiffusionDirectionality="ISOTROPIC" if b else "NONE")
        own.FrameContentSequence = item(
            DimensionIndexValues=[1, k + 1, b_values.index(b) + 1], StackID="1", InStackPositionNumber=k + 1
        )
        per_frame.append(own)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(per_frame)
    return dataset
