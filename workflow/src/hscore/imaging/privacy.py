"""Nothing that says who the patient is leaves the convert step: words are hidden, tags counted, never quoted."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag

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

IDENTIFYING = ["PatientID", "PatientName", "PatientBirthDate", "OtherPatientIDs", "AccessionNumber"]


def identifiers(header: Dataset) -> set[str]:
    """Words that identify the patient: names in every alphabet, numbers, the birth date."""
    words: set[str] = set()
    for keyword in IDENTIFYING:
        text = str(header.get(keyword) or "")
        words.update(re.split(r"[\^=\\,;\[\]'\s]+", text) if keyword != "PatientID" else [text.strip()])
    return {word for word in words if len(word) > 1}


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


class Hider:
    """Replaces words that identify the patient in everything that is written.

    Such words turn up in file names, descriptions and segment names. Chinese names stand without spaces, so they are
    replaced wherever they occur; other words only whole. The study's own name of the patient stays.
    """

    def __init__(self, words: set[str], keep: str) -> None:
        parts = []
        for word in sorted(words - {keep}, key=lambda word: (-len(word), word)):
            pattern = re.escape(word)
            parts.append(rf"(?<![^\W_]){pattern}(?![^\W_])" if word.isascii() else pattern)
        self.pattern = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def __call__(self, content: Any) -> Any:
        """The same content (text, list or dict) without these words in its texts."""
        if isinstance(content, str):
            return self.pattern.sub(HIDDEN, content) if self.pattern else content
        if isinstance(content, dict):
            return {key: self(value) for key, value in content.items()}
        return [self(value) for value in content] if isinstance(content, list) else content
