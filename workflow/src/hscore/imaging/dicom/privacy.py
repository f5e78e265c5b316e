"""Nothing that says who the patient is leaves the convert step: words are hidden, tags counted, never quoted."""

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
# What an archive should have taken out before images leave the hospital (direct identifiers of the basic profile, DICOM
# PS3.15 Annex E). PatientID is not here: every file has one, and nothing tells a pseudonym from a hospital number.
PRIVATE = (
    *("PatientName", "PatientBirthDate", "PatientBirthTime", "OtherPatientIDs", "OtherPatientIDsSequence"),
    *("OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "PatientAddress", "PatientTelephoneNumbers"),
    *("PatientComments", "AccessionNumber", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName"),
    *("NameOfPhysiciansReadingStudy", "RequestingPhysician", "ContentCreatorName", "InstitutionName"),
    *("InstitutionAddress", "IssuerOfPatientID", "BurnedInAnnotation", "RecognizableVisualFeatures"),
)
PRIVATE_TAGS = {Tag(keyword): keyword for keyword in PRIVATE}
# These say by YES that the pixels themselves may tell who the patient is.
YES_MEANS_RISK = {"BurnedInAnnotation", "RecognizableVisualFeatures"}
TELLS_NOTHING = re.compile(r"anonym\w*|de-?identified|removed|none|unknown|n/?a|no name|[x0*^ -]+|simulated .*")

# The words of a file name that may be written out: what kind of file it is, what it shows, and where.
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
    """Words that identify the patient: names in every alphabet, numbers, the birth date."""
    words: set[str] = set()
    for keyword in IDENTIFYING:
        # as it is declared, and as it is really written: descriptions are read in their true alphabet, too
        text = f"{header.get(keyword) or ''}={values.text(header, keyword)}"
        parts = re.split(r"[\^=\\,;\[\]'\s]+", text) if keyword != "PatientID" else text.split("=")
        words.update(part.strip() for part in parts)
        if keyword == "PatientName":  # written as one word: "zhangsan", "sanzhang"
            words.update("".join(pair) for pair in permutations([part for part in parts if part.isalpha()], 2))
    technical = FILE_WORDS.split()  # "DICOM" as a name tells nothing, and is a word of our own texts
    return {word for word in words if len(word) > 1 and word.lower() not in technical}


def telling_tags(header: Dataset, pseudonym: str) -> Iterator[str]:
    """Keywords of the tags of a file that still say who the patient is.

    A name that is the patient's pseudonym or PatientID, or an anonymiser's word, says nothing.
    """
    harmless = {"", pseudonym.lower(), str(header.get("PatientID") or "").strip().lower()}
    for tag in header.keys():  # noqa: SIM118  iterating over a Dataset would decode every element
        keyword = PRIVATE_TAGS.get(tag)
        if keyword is None:
            continue
        try:
            text = str(header[tag].value or "").strip().lower()
        except Exception:  # a value that cannot be decoded is still there
            text = "?"
        risk = text == "yes" if keyword in YES_MEANS_RISK else text not in harmless
        if risk and not TELLS_NOTHING.fullmatch(text):
            yield keyword


def tags_in_words(private: Counter[str]) -> str:
    """Which tags say who the patient is and how many files carry each; never what they say."""
    listed = ", ".join(f"{keyword} ({count} files)" for keyword, count in sorted((+private).items()))
    return f"files still carry {listed}"


def in_true_alphabet(name: str) -> str:
    """Return a file's or folder's name whose bytes are not UTF-8 in the alphabet it was really written in."""
    return name if name.isascii() else values.decoded(os.fsencode(name))


def name_in_words(path: Path) -> str:
    """Return the name of a delivered file with every word hidden that could belong to a patient.

    Only the words of ``FILE_WORDS`` and single digits remain; anything else may be a name written in
    one word, a date or a hospital number, which no list of forbidden words would find.
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
    """Return the suffix of a delivered file and a blank (".dcm "), if it is a known one; else ""."""
    suffix = path.suffix.lower()
    return f"{suffix} " if suffix[1:] in FILE_WORDS.split() else ""


class Hider:
    """Replaces words that identify the patient in everything that is written.

    Such words turn up in descriptions and segment names. Chinese names are written without spaces, so they are
    replaced wherever they occur; other words where no further letter (of a number: digit) adjoins them. The study's own
    name of the patient stays.
    """

    def __init__(self, words: set[str], keep: str) -> None:
        parts = []
        for word in sorted(words - {keep}, key=lambda word: (-len(word), word)):
            pattern = re.escape(word)
            own = r"\d" if word[0].isdigit() and word[-1].isdigit() else r"[^\W\d_]" if word.isalpha() else r"[^\W_]"
            parts.append(rf"(?<!{own}){pattern}(?!{own})" if word.isascii() else pattern)
        self.pattern = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def __call__(self, content: Any) -> Any:
        """The same content (text, list or dict) without these words in its texts."""
        if isinstance(content, str):
            return self.pattern.sub(HIDDEN, content) if self.pattern else content
        if isinstance(content, dict):
            return {key: self(value) for key, value in content.items()}
        return [self(value) for value in content] if isinstance(content, list) else content
