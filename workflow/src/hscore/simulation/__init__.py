"""The simulated three-centre cohort: planted patients, a pelvis for each, and DICOM series of three vendors.

No patient here is real. Only the steps may use this package; the study itself never reads its truth.
"""

import os

# Matrix products must give the same bytes on every number of cores: one thread, set before numpy is imported.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
