"""The machine under a training: device, threads, determinism, and what of it the last digits of weights depend on."""

import logging
import os
import platform
import resource

import torch

from hscore.errors import UserError

log = logging.getLogger(__name__)


def prepare(device: str, threads: int) -> torch.device:
    """The device, with deterministic algorithms and ``threads`` threads; UserError when a promised GPU is not there.

    MONAI's ``set_determinism`` sets the same switches but cuBLAS's, and a global seed that nothing here draws from:
    every network has generators of its own. Its import would cost 1.4 s of CPU in every training.
    """
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU"
    log.info("torch %s, built for %s; train.device is %s", torch.__version__, build, device)
    if device == "gpu" and not torch.cuda.is_available():
        raise UserError("train.device is 'gpu' but no CUDA device is visible; write 'cpu' or run where there is one")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it
    torch.use_deterministic_algorithms(True)
    # By default every new tensor would also be filled with NaN, at a third of the training time.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    torch.set_num_threads(threads)
    return torch.device("cuda" if device == "gpu" else "cpu")


def describe(device: torch.device) -> dict:
    """The part of ``model.json`` on which the last digits of weights depend."""
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
    """Most memory held so far, MB: of the GPU, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
