"""Keep identifying values inside the convert step: hide identifying words, and count tags without quoting them."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from hscore.imaging.dicom import values

HIDDEN = "[hidden]"
# Tags that an archive should remove before images leave the hospital (direct identifiers of the basic profile, DICOM
# PS3.15 Annex E). PatientID is not listed: every file has one, and a pseudonym looks like a hospital number.
PRIVATE = (
    *("PatientName", "PatientBirthDate", "PatientBirthTime", "OtherPatientIDs", "OtherPatientIDsSequence"),
    *("OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "PatientAddress", "PatientTelephoneNumbers"),
    *("PatientComments", "AccessionNumber", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName"),
    *("NameOfPhysiciansReadingStudy", "RequestingPhysician", "ContentCreatorName", "InstitutionName"),
    *("InstitutionAddress", "IssuerOfPatientID", "BurnedInAnnotation", "RecognizableVisualFeatures"),
)
PRIVATE_TAGS = {Tag(keyword): keyword for keyword in PRIVATE}
# The value YES of these tags means that the pixels themselves may identify the patient.
YES_MEANS_RISK = {"BurnedInAnnotation", "RecognizableVisualFeatures"}
TELLS_NOTHING = re.compile(r"anonym\w*|de-?identified|removed|none|unknown|n/?a|no name|[x0*^ -]+|simulated .*")

# The words of a file name that may be written out: kind of file, content, and body region.
FILE_WORDS = """
roi rois mask masks seg segs segmentation label labels contour contours rtstruct rtss struct structure structures
tumor tumour tumors tumours gtv gtvp gtvn gtvt ctv hrctv ptv lesion lesions mass cancer carcinoma primary
cervix cervical uterus uterine vagina bladder rectum bowel sigmoid ovary node nodes nodal ln lymph lymphnode
lymphnodes left right reader observer doctor first second draft old new final copy merged
t1 t2 t1wi t2wi ce cet1 cet1wi dwi adc dce dyn pre post contrast tra ax axial transverse sag sagittal cor coronal
mr mri dicom image images img series scan study data export patient anonymized anonymised
nii nrrd nhdr mha mhd hdr img stl vtk vtp vti obj ply mrml mrb fcsv mat npy npz h5 xml voi mgz gipl
dcm ima dicomdir gz zip tar tgz bz2 xz rar json txt csv xlsx pdf jpg jpeg png html
肿瘤 宫颈 宫颈癌 子宫 膀胱 直肠 淋巴 淋巴结 靶区 勾画 分割 标签 病灶
"""

IDENTIFYING = ["PatientID", "PatientName", "PatientBirthDate", "OtherPatientIDs", "AccessionNumber"]


def identifiers(header: Dataset) -> set[str]:
    """Return the words that identify the patient: names in every alphabet, numbers, the birth date."""
    words: set[str] = set()
    for keyword in IDENTIFYING:
        # as declared and as really written, because descriptions are read in their true alphabet, too
        text = f"{header.get(keyword) or ''}={values.text(header, keyword)}"
        parts = re.split(r"[\^=\\,;\[\]'\s]+", text) if keyword != "PatientID" else text.split("=")
        words.update(part.strip() for part in parts)
        if keyword == "PatientName":  # also as one word: "zhangsan", "sanzhang"
            words.update("".join(pair) for pair in permutations([part for part in parts if part.isalpha()], 2))
    technical = FILE_WORDS.split()  # "DICOM" as a name identifies nobody, and our own texts contain the word
    return {word for word in words if len(word) > 1 and word.lower() not in technical}


def telling_tags(header: Dataset, pseudonym: str) -> Iterator[str]:
    """Yield the keywords of the tags of a file that still identify the patient.

    A name does not count if it is the patient's pseudonym or PatientID, or a typical value of an anonymiser.
    """
    harmless = {"", pseudonym.lower(), str(header.get("PatientID") or "").strip().lower()}
    for tag in header.keys():  # noqa: SIM118  iterating over a Dataset would decode it all
        keyword = PRIVATE_TAGS.get(tag)
        if keyword is None:
            continue
        try:
            text = str(header.get(keyword) or "").strip().lower()
        except Exception:  # a value that cannot be decoded is still a value
            text = "?"
        risk = text == "yes" if keyword in YES_MEANS_RISK else text not in harmless
        if risk and not TELLS_NOTHING.fullmatch(text):
            yield keyword


def tags_in_words(private: Counter[str]) -> str:
    """Return which tags identify the patient and how many files contain each, never their values."""
    listed = ", ".join(f"{keyword} ({count} files)" for keyword, count in sorted((+private).items()))
    return f"files still contain {listed}"


def in_true_alphabet(name: str) -> str:
    """Return the name of a file or folder; bytes that are not UTF-8 are decoded in their true alphabet."""
    return name if name.isascii() else values.decoded(os.fsencode(name))


def name_in_words(path: Path) -> str:
    """Return the name of a delivered file with every word hidden that could belong to a patient.

    Only the words of ``FILE_WORDS`` and single digits remain. Anything else may be a name in one word, a date or a
    hospital number, which no list of forbidden words would find.
    """
    allowed = FILE_WORDS.split()

    def shown(match: re.Match[str]) -> str:
        word = match[0]
        if word.lower() in allowed or (word.isdigit() and len(word) < 2):
            return word
        parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", word)  # "TumourMask"
        known = "".join(parts) == word and len(parts) > 1
        return word if known and all(part.lower() in allowed or len(part) < 2 for part in parts) else "*"

    name = in_true_alphabet(path.name)
    return re.sub(r"\*[*\W_]*\*", "*", re.sub(r"[^\W_]+", shown, name))


def kind_of_file(path: Path) -> str:
    """Return the suffix of a delivered file and a blank (".dcm "), or "" for an unknown suffix."""
    suffix = path.suffix.lower()
    return f"{suffix} " if suffix[1:] in FILE_WORDS.split() else ""


class Hider:
    """Replace words that identify the patient in everything that is written.

    Such words occur in descriptions and segment names. Chinese names are written without spaces, so they are replaced
    wherever they occur. Other words are replaced if no further letter (or digit, for a number) adjoins them.

    Args:
        words: identifying words.
        keep: the study's own name of the patient, which is not replaced.
    """

    def __init__(self, words: set[str], keep: str) -> None:
        parts = []
        for word in sorted(words - {keep}, key=lambda word: (-len(word), word)):
            pattern = re.escape(word)
            more = r"\d" if word[0].isdigit() and word[-1].isdigit() else r"[^\W\d_]" if word.isalpha() else r"[^\W_]"
            parts.append(rf"(?<!{more}){pattern}(?!{more})" if word.isascii() else pattern)
        self.pattern = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def __call__(self, content: Any) -> Any:
        """Return the same content (text, list or dict) with these words replaced in its texts."""
        if isinstance(content, str):
            return self.pattern.sub(HIDDEN, content) if self.pattern else content
        if isinstance(content, dict):
            return {key: self(value) for key, value in content.items()}
        return [self(value) for value in content] if isinstance(content, list) else content
