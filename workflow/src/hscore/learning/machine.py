"""Set up the device, threads and determinism of a training, and describe what the last digits of weights depend on."""

import logging
import os
import platform
import resource

import torch

from hscore.errors import UserError

log = logging.getLogger(__name__)


def prepare(device: str, threads: int) -> torch.device:
    """Return the device, after switching on deterministic algorithms and setting ``threads`` threads.

    MONAI's ``set_determinism`` does the same except for cuBLAS, and sets a global seed that is not used here: every
    network has its own generators. Its import would cost 1.4 s of CPU in every training.

    Args:
        device: ``cpu`` or ``gpu``.
        threads: of torch's operations.

    Raises:
        UserError: a GPU is requested and none is visible.
    """
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU"
    log.info("torch %s, built for %s; train.device is %s", torch.__version__, build, device)
    if device == "gpu" and not torch.cuda.is_available():
        raise UserError("train.device is 'gpu' but no CUDA device is visible; write 'cpu' or run on a machine with one")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
    torch.use_deterministic_algorithms(True)
    # By default every new tensor would also be filled with NaN, at a third of the training time.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    torch.set_num_threads(threads)
    return torch.device("cuda" if device == "gpu" else "cpu")


def describe(device: torch.device) -> dict:
    """Return the part of ``model.json`` on which the last digits of weights depend."""
    gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if gpu else f"{platform.machine()} CPU",
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.version.cuda if gpu else None,
        "cudnn": torch.backends.cudnn.version() if gpu else None,
        "threads": torch.get_num_threads(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
    }


def peak_memory_mb(device: torch.device) -> int:
    """Return the peak memory so far [MiB], of the GPU if there is one, otherwise of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
