"""Write a simulated series as DICOM files, with the typical header of its vendor.

Files are byte for byte the same for the same seed: UIDs, dates and times come from it, and the file meta header is
fixed. Nothing in a header depends on a patient's disease.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_file_meta_info
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from hscore.simulation.parameters import stream
from hscore.simulation.scanners import Series

IMPLEMENTATION_UID = "2.25.302711842069174220158290842619264371"
IMPLEMENTATION_NAME = "HSCORE_SIM_1"

# Header values of each vendor, and its folder and file patterns. Models and software are those of no real machine.
VENDORS = {
    "siemens": {
        "manufacturer": "SIEMENS",
        "model": "Simulated Skyra",
        "software": "syngo MR (simulated)",
        "folder": "SE{number:06d}",
        "file": "IM{instance:06d}",
        "rescale_slope": None,
    },
    "ge": {
        "manufacturer": "GE MEDICAL SYSTEMS",
        "model": "Simulated SIGNA",
        "software": "LX (simulated)",
        "folder": "S{number}",
        "file": "I{instance}.MRDC",
        "rescale_slope": None,
    },
    "philips": {
        "manufacturer": "Philips Medical Systems",
        "model": "Simulated Ingenia",
        "software": "5.x (simulated)",
        "folder": "DICOM/{number:05d}",
        "file": "IM_{instance:04d}",
        "rescale_slope": 1.4657,
    },
}

# (scanning sequence, sequence variant, scan options, acquisition type) by kind of series
_SEQUENCE = {
    "CET1WI": ("GR", ["SP"], ["FS"], "3D"),
    "T2WI": ("SE", ["SK", "SP"], [], "2D"),
    "ADC": (["EP", "SE"], ["SK"], ["FS"], "2D"),
    "localizer": ("GR", ["SP"], [], "2D"),
}


@dataclass(frozen=True)
class Study:
    """The values that all series of one patient share."""

    patient: str
    age: int
    scanner: str
    field_tesla: float
    date: str
    seed: int

    def uid(self, *names) -> str:
        """Return a UID under 2.25 (ISO/IEC 9834-8) that depends only on the seed, the patient and `names`."""
        text = "/".join(str(part) for part in ("hscore-simulation", self.seed, self.patient, *names))
        return f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], 'big')}"


def study(patient: str, age: int, scanner: str, field_tesla: float, seed: int) -> Study:
    """Return the study of one patient on a fictitious day."""
    day = np.datetime64("2015-01-01") + int(stream(seed, patient, "date").integers(0, 1460))
    return Study(patient, age, scanner, field_tesla, str(day).replace("-", ""), seed)


def write_series(folder: Path, study: Study, series: Series | list[Series], number: int) -> list[Dataset]:
    """Write one series (for a localizer: all its planes) below `folder`.

    Returns:
        The header values that differ between images and those that a region of interest refers to, by channel and
        section.
    """
    vendor = VENDORS[study.scanner]
    target = folder / vendor["folder"].format(number=number)
    target.mkdir(parents=True)
    images = []
    for stack_number, stack in enumerate(series if isinstance(series, list) else [series]):
        header = _series_header(study, stack, number, vendor)
        shared = _encoded(header)
        for channel, section in np.ndindex(*stack.stored.shape[:2]):
            image = _image_header(stack, len(images) + 1, channel, section)
            if stack.kind == "ADC":
                _b_value(image, study.scanner, stack.protocol["b_values"][channel])
            image.SOPInstanceUID = study.uid(number, stack_number, channel, section)
            path = target / vendor["file"].format(instance=len(images) + 1)
            _write_file(path, shared | _encoded(image), MRImageStorage, image.SOPInstanceUID)
            del image.PixelData
            for name in _REFERRED_TO:
                image[name] = header[name]
            images.append(image)
    return images


_REFERRED_TO = (
    "SOPClassUID",
    "SeriesInstanceUID",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "ImageOrientationPatient",
)


def _encoded(ds: Dataset) -> dict[int, bytes]:
    """Return every element of a dataset as its bytes (explicit VR, little endian), by tag.

    Elements that all images of a series share are encoded once, because encoding dominates the time for small files.
    """
    elements = {}
    for element in ds:
        buffer = DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        write_data_element(buffer, element)
        elements[int(element.tag)] = buffer.getvalue()
    return elements


def _write_file(path: Path, elements: dict[int, bytes], sop_class: str, sop_instance: str) -> None:
    """Write a DICOM file (PS3.10) of encoded elements, in the order of their tags."""
    meta = DicomBytesIO()
    write_file_meta_info(meta, file_meta(sop_class, sop_instance))
    body = b"".join(elements[tag] for tag in sorted(elements))
    path.write_bytes(b"\0" * 128 + b"DICM" + meta.getvalue() + body)


def base_header(study: Study, modality: str, number: int, description: str) -> Dataset:
    """Return the patient, study and series attributes that images and their regions of interest share."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = study.date
    ds.StudyTime = "090000"
    ds.SeriesTime = ds.ContentTime = f"09{number % 60:02d}00"
    ds.AccessionNumber = ""
    ds.Modality = modality
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "Pelvis, simulated"
    ds.SeriesDescription = description
    ds.PatientName = study.patient
    ds.PatientID = study.patient
    ds.PatientBirthDate = ""
    ds.PatientSex = "F"
    ds.PatientAge = f"{study.age:03d}Y"
    ds.StudyInstanceUID = study.uid("study")
    ds.SeriesInstanceUID = study.uid("series", number)
    ds.StudyID = "1"
    ds.SeriesNumber = number
    ds.FrameOfReferenceUID = study.uid("frame of reference")
    ds.PositionReferenceIndicator = ""
    return ds


def file_meta(sop_class: str, sop_instance: str) -> FileMetaDataset:
    """Return the fixed file meta header of every simulated file."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = sop_instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = IMPLEMENTATION_NAME
    return meta


def _series_header(study: Study, series: Series, number: int, vendor: dict) -> Dataset:
    """Return the attributes that all images of a series share."""
    protocol, kind = series.protocol, series.kind
    ds = base_header(study, "MR", number, protocol["description"])
    ds.SOPClassUID = MRImageStorage
    ds.ImageType = _image_type(study.scanner, kind)
    ds.AcquisitionDate, ds.AcquisitionTime = ds.SeriesDate, ds.SeriesTime
    ds.Manufacturer = vendor["manufacturer"]
    ds.ManufacturerModelName = vendor["model"]
    ds.SoftwareVersions = vendor["software"]
    ds.InstitutionName = "Simulated hospital"
    ds.BodyPartExamined = "PELVIS"
    ds.PatientPosition = "HFS"
    ds.ProtocolName = protocol["description"]
    if kind == "CET1WI":
        ds.ContrastBolusAgent = "Gd-DTPA"
        ds.ContrastBolusRoute = "IV"
    elif study.scanner == "philips":
        ds.ContrastBolusAgent = ""  # this vendor writes the element empty
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions, ds.MRAcquisitionType = _SEQUENCE[kind]
    ds.SliceThickness = protocol["thickness"]
    ds.SpacingBetweenSlices = protocol["step"]
    ds.RepetitionTime = protocol["tr"]
    ds.EchoTime = protocol["te"]
    ds.FlipAngle = protocol["flip"]
    ds.NumberOfAverages = 1
    ds.EchoNumbers = 1
    ds.EchoTrainLength = {"T2WI": 19, "ADC": 48}.get(kind, 1)
    ds.MagneticFieldStrength = study.field_tesla
    ds.ImagingFrequency = round(42.577 * study.field_tesla, 3)
    ds.ImagedNucleus = "1H"
    ds.AcquisitionMatrix = [0, protocol["matrix"], protocol["matrix"], 0]
    ds.InPlanePhaseEncodingDirection = "COL" if kind == "ADC" else "ROW"
    ds.AcquisitionNumber = 1
    ds.ImageOrientationPatient = [_decimal(v) for v in (*series.row, *series.column)]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = series.stored.shape[2:]
    ds.PixelSpacing = [protocol["pixel"], protocol["pixel"]]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    if vendor["rescale_slope"]:
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, vendor["rescale_slope"], "normalized"
    return ds


def _image_type(scanner: str, kind: str) -> list[str]:
    """Return the image type that a vendor writes for a kind of series."""
    if scanner == "ge":
        return ["ORIGINAL", "PRIMARY", "OTHER"]
    if scanner == "philips":
        return [
            "ORIGINAL",
            "PRIMARY",
            "M_SE" if kind in ("T2WI", "ADC") else "M_FFE",
            "M",
            "SE" if kind != "CET1WI" else "FFE",
        ]
    return ["ORIGINAL", "PRIMARY", "DIFFUSION", "TRACEW", "ND"] if kind == "ADC" else ["ORIGINAL", "PRIMARY", "M", "ND"]


def _image_header(series: Series, instance: int, channel: int, section: int) -> Dataset:
    """Return the attributes that differ between images."""
    pixels = series.stored[channel, section]
    position = series.positions[section]
    ds = Dataset()
    ds.InstanceNumber = instance
    ds.ImagePositionPatient = [_decimal(v) for v in position]
    ds.SliceLocation = _decimal(position @ np.cross(series.row, series.column))
    highest = int(pixels.max())
    ds.WindowCenter, ds.WindowWidth = highest // 3, 2 * (highest // 3) + 1
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def _b_value(ds: Dataset, scanner: str, b: int) -> None:
    """Add the b-value [s/mm2] in the elements that the vendor uses."""
    isotropic = "ISOTROPIC" if b else "NONE"
    if scanner == "siemens":  # private only; the standard element is absent in these versions
        block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", b)
        block.add_new(0x0D, "CS", isotropic)
        ds.SequenceName = f"*ep_b{b}t" if b else "*ep_b0"
    elif scanner == "ge":  # first value of four, with an offset of 1e9 for multi-b acquisitions
        block = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x30, "SS", 15 if b else 14)  # combined directions, or none
        block.add_new(0x39, "IS", [1_000_000_000 + b, 8, 0, 0])
    else:
        ds.DiffusionBValue = float(b)
        ds.DiffusionDirectionality = isotropic
        block = ds.private_block(0x2001, "Philips Imaging DD 001", create=True)
        block.add_new(0x03, "FL", float(b))
        block.add_new(0x04, "CS", "I" if b else "N")


def _decimal(value: float) -> str:
    """Return a decimal string of at most 16 characters."""
    return f"{value + 0.0:.10f}"[:16].rstrip("0").rstrip(".")
