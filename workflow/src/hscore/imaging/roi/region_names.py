"""Recognise by name which region is the tumour and which is not."""

import re
import unicodedata

TUMOR = (
    r"tumou?r|tumeur|tumore|gtv|neoplas|malign|primary|cancer|c[aá]ncer|carcinom|karzinom|krebs|l[eéä]si[oó]n|lesao|lesão"
    r"|(?<![a-z])(?:ca|mass)(?![a-z])|n[eé][ck]ro(?:s|tic|tis)|坏死|壊死|некро|опухол|肿瘤|腫瘤|瘤|病灶|癌|肿块|腫瘍|종양"
)
# Default of `convert.roi.segment`.
SEGMENT = TUMOR
NODES = (
    r"gtv[\W_]*(?:[pt][\W_]*)?(?:\+|and|&)?[\W_]*n(?:ds?)?(?![a-z])|\bn[\W_]*gtv|gtv[\W_]*lns?(?![a-z])"
    r"|\b(?:[a-z]{1,2})?lns?\b|\blnm\b|\blks?\b|^\W*n[\W_]*\d?\W*$|(?:gtv|(?<![a-z]))[\W_]*nod(?:e|es|al|us|i|os)(?![a-z])|l[iy]m[pf]|linfo|linfat"
    r"|lenf|gangli|gânglio|ad[eé]nop|klier|chłon|węz[eł]|лимф|узел|узл|淋巴|淋結|淋结|リンパ|림프|metasta|\bmets?\b|转移|轉移"
    r"|obturator|inguinal|\biliac|para[\W_]*aort|presacral|secondary[\W_]*neoplas|neoplasm,?[\W_]*secondary"
    r"|\bad[pn]\b|gtv[\W_]*(?:nod|adp?|lap|pan|lk|obt|il)|\bl[\W_]?nodes?\b|\bnod[oi]\b|\bnoeuds?\b"
    r"|л[/ ]?у\b|лимфоуз|uzl|hạch"
    r"|임파|nyirok|imusol|vozel|вузол|възел|λεμφ|\blgl\b|\blk[sn]\b|\blnn\b|\+[\W_]*n\b|\bc?n\b(?![\W_]*\d)"
    r"|^c?n[\W_]*[1-9][\W_]*(?:[lr]|left|right|links|rechts|gauche|droite?)?\b|sentinel"
)
_MARGINS = (
    r"(?<![a-z])(?:[hil]r)?[\W_]*[cpi]tv|\bprv|margin|\bring\b|\bshell\b|\brim\b|expan|dilat|peri[\W_]*(?:tumou?r|lesion)|\+[\W_]*\d+[\W_]*[mc]m"
    r"|(?<![a-z])(?:non|no|not|without|free of|minus)[\W_]*(?:tumou?r|gtv)"
    r"|tumou?r[\W_]*(?:free|bed|bett|rand)|外扩|外放|瘤周|瘤床"
    r"|gtv[\W_]*(?:\+[\W_]*)?\d+[\W_]*mm|gtv[\W_]*\+[\W_]*\d|(?:gtv|tumou?r)[\W_]*(?:exp|erweit)"
    r"|(?:uterus|body)[\W_]*(?:-|minus)[\W_]*(?:gtv|tumou?r)"
)
_ORGANS = (
    r"bladder|blase\b|vessie|vejiga|vescica|bexiga|мочев|膀胱|rect(?:um|al)|\br[eé]c?to\b|retto|rekt|直肠|直腸|прям"
    r"|sigm|乙状|bowel|darm|intestin|colon|kolon|肠|腸|киш|uterus|uterine(?! cerv)|[uú]t[eé]r(?:o\b|us)|gebärmutter"
    r"|матк|子宫(?!颈|頸)|子宮(?!頸)|corpus|my?ometri|endometri|vagin|scheide|阴道|陰道|влагал|ovar|eierst|卵巢|яичн"
    r"|parametri|f[eéê]m(?:ur|or)|\bhip\b|bone|sacr|knochen|股骨|骨|бедр|кость|kidney|niere|\brein|肾|ureter|urethra"
    r"|尿道|\banal\b|\banus|肛|muscle|muskel|\bfat\b(?![\W_]*(?:sat|sup))|aorta|\bvein|\barter(?:y|ies|ia)\b|vessel"
    r"|\bbody\b|k(?:ö|oe)rper|\bcorps|cuerpo|corpo\b|体表|身体|тело|\bextern(?:al)?\b(?![\W_]*(?:beam|rad|rt|cent"
    r"|valid|test|cohort|data|set))|(?:body|outer)[\W_]*outline|外轮廓|\bskin|\bhaut|\bpeau|\bpiel|\bpelle\b|皮肤"
    r"|皮膚|кожа|background|hintergrund|\bfond|fundo|背景|фон\b|couch|\btable\b|\bair\b|床|applicat|tandem|fiducial"
    r"|\borgan\b|avoidance|marker|\bnormal\b|healthy|[eoö]dem|\bcyst|fibroid|myom"
)
# Default of `convert.roi.exclude`: nodes and margins in any case, organs unless the name also contains a tumour.
EXCLUDE = rf"{NODES}|{_MARGINS}|^(?!.*(?:{TUMOR})).*(?:{_ORGANS})"


_LATIN, _CJK = "[A-Za-z]", "[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"


def readings(name: str) -> list[str]:
    """Return a name as written and split into words; a path is split into its parts first.

    "GTV_LN2" and "LeftLymphNode" are also read as "GTV LN 2" and "Left Lymph Node", so that a pattern may rely on
    words. Separate accents and full-width letters are converted to the usual characters.
    """
    name = re.sub(r"(?i)\bл/у\b", "лу", unicodedata.normalize("NFKC", name))  # lymph node, not a path
    spellings = []
    for text in dict.fromkeys(name.split("/")):
        words = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", " ", text)
        words = re.sub(f"(?<={_LATIN})(?={_CJK})|(?<={_CJK})(?={_LATIN})", " ", words)
        words = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", words)
        spellings += [text, re.sub(r"[\W_]+", " ", words).strip()]
    return spellings


def matches(pattern: str, name: str) -> bool:
    """Return whether a pattern (a regular expression, case ignored) matches in a name or in its words."""
    return bool(pattern) and any(re.search(pattern, reading, re.IGNORECASE) for reading in readings(name))
