"""The GPU backend: devices of this machine, in front of its worker processes."""

from helios_wf_gpu.backend import GpuBackend

__all__ = ["GpuBackend"]
