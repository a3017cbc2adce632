"""A CuPy without a GPU, so that every line that needs one runs in the ordinary tests.

Kernels are run by the twin. What CuPy, NVRTC or a launch refuses is refused here: NumPy's arrays,
arguments that are not what the kernel's signature says, options that do not exist. Memory is
counted, and new arrays hold rubbish. The signatures are CuPy's: `test_stand_in.py` compares them
with the real package where it is installed.
"""

from __future__ import annotations

import re
import weakref
from types import ModuleType, SimpleNamespace

import numpy as np

from freqopt.backends.cupy import _twin
from freqopt.backends.cupy._source import CudaSource

MESSAGES = {
    2: "cudaErrorMemoryAllocation: out of memory",
    35: "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version",
    100: "cudaErrorNoDevice: no CUDA-capable device is detected",
    701: "cudaErrorLaunchOutOfResources: too many resources requested for launch",
    700: "cudaErrorIllegalAddress: an illegal memory access was encountered",
}
OPTION = re.compile(
    r"--std=c\+\+17|--(fmad|ftz|prec-div|prec-sqrt)=(true|false)|--gpu-architecture=sm_(\d+)"
)
KINDS = {"real": None, "i64": np.int64, "u64": np.uint64, "double": np.float64}


class StatusError(RuntimeError):
    def __init__(self, status):
        self.status = status
        super().__init__(MESSAGES[status])


class CUDARuntimeError(StatusError):
    pass


class CUDADriverError(StatusError):
    pass


class NVRTCError(RuntimeError):
    def __init__(self, status):
        self.status = status
        super().__init__(f"NVRTC_ERROR ({status})")


class CompileException(Exception):  # noqa: N818
    def __init__(self, msg, source, name, options, backend="nvrtc"):
        super().__init__(msg)


class OutOfMemoryError(MemoryError):
    def __init__(self, size, total, limit=0):
        super().__init__(f"Out of memory allocating {size:,} bytes (allocated so far: {total:,})")


def own(value):
    """The numbers of an array of ours; anything but NumPy's arrays as it is."""
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    return value.values if isinstance(value, ndarray) else value


class MemoryPointer:
    """`cupy.cuda.MemoryPointer`."""

    def __init__(self, values):
        self._values, self.ptr = values, values.ctypes.data if values.size else 0

    def copy_from_device_async(self, src, size, stream=None):
        assert size == self._values.nbytes == src._values.nbytes
        self._values[...] = src._values


class ndarray:  # noqa: N801
    """An array on the GPU."""

    __array_ufunc__ = None
    __hash__ = None

    def __init__(self, values):
        self.values = values

    def __array__(self, *_):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    shape = property(lambda self: self.values.shape)
    dtype = property(lambda self: self.values.dtype)
    size = property(lambda self: self.values.size)
    ndim = property(lambda self: self.values.ndim)
    nbytes = property(lambda self: self.values.nbytes)
    flags = property(lambda self: SimpleNamespace(c_contiguous=self.values.flags.c_contiguous))

    @property
    def data(self):
        return MemoryPointer(self.values)

    def __len__(self):
        return len(self.values)

    def __bool__(self):
        return bool(self.values)

    def __getitem__(self, key):
        return ndarray(self.values[own(key)])

    def __setitem__(self, key, value):
        self.values[own(key)] = own(value)

    def __rshift__(self, other):
        return ndarray(self.values >> own(other))

    def __ne__(self, other):
        return ndarray(self.values != own(other))

    def sort(self, axis=-1, kind=None):
        self.values.sort(axis)

    def any(self, axis=None, out=None, keepdims=False):
        return ndarray(self.values.any(axis))

    def reshape(self, *shape, order="C"):
        return ndarray(self.values.reshape(*shape))


class StandIn(ModuleType):
    """The module `cupy`, with one recent GPU of so many bytes."""

    ndarray = ndarray
    __version__ = "14.2.0"

    def __init__(self, memory=2**40):
        super().__init__("cupy")
        self.memory, self.live = memory, 0
        self.capability, self.archs = "90", (75, 80, 90, 100)
        self.launches, self.options, self.programs = [], [], {}
        self.waiting = None  # an error that the next wait finds
        self.freed = 0
        pool = SimpleNamespace(free_all_blocks=self._free)
        self.get_default_memory_pool = lambda: pool
        stream = SimpleNamespace(synchronize=self._wait)
        self.cuda = SimpleNamespace(
            Device=lambda device=None: SimpleNamespace(
                id=0, compute_capability=self.capability, attributes={"MultiProcessorCount": 100}
            ),
            MemoryPointer=MemoryPointer,
            Module=lambda: Module(self),
            compiler=SimpleNamespace(CompileException=CompileException),
            driver=SimpleNamespace(CUDADriverError=CUDADriverError),
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            get_current_stream=lambda device_id=-1: stream,
            nvrtc=Nvrtc(self),
            runtime=SimpleNamespace(
                CUDARuntimeError=CUDARuntimeError,
                deviceSynchronize=self._wait,
                getDeviceCount=lambda: 1,
                getDeviceProperties=lambda device: {"name": b"stand-in", "totalGlobalMem": 2**40},
                runtimeGetVersion=lambda: 13020,
                driverGetVersion=lambda: 13000,
            ),
        )

    def _free(self):
        self.freed += 1

    def _wait(self):
        if self.waiting:
            raise self.waiting

    def _new(self, values):
        """Memory for an array."""
        if self.live + values.nbytes > self.memory:
            raise OutOfMemoryError(values.nbytes, self.live)
        self.live += values.nbytes
        weakref.finalize(values, self._gone, values.nbytes)
        return ndarray(values)

    def _gone(self, size):
        self.live -= size

    def empty(self, shape, dtype=float, order="C"):
        values = np.empty(shape, dtype)
        values.view(np.uint8).reshape(-1)[...] = 0xA5 if values.size else 0
        return self._new(values)

    def zeros(self, shape, dtype=float, order="C"):
        return self._new(np.zeros(shape, dtype))

    def ones(self, shape, dtype=float, order="C"):
        return self._new(np.ones(shape, dtype))

    def full(self, shape, fill_value, dtype=None, order="C"):
        return self._new(np.full(shape, fill_value, dtype))

    def arange(self, start, stop=None, step=1, dtype=None):
        return self._new(np.arange(start, stop, step, dtype))

    def empty_like(self, prototype, dtype=None, order="K", subok=None, shape=None):
        return self.empty(prototype.shape, dtype or prototype.dtype)

    def asarray(self, a, dtype=None, order=None, *, copy=None, blocking=False):
        if isinstance(a, ndarray) and dtype in (None, a.dtype):
            return a
        return self._new(np.array(own(a) if isinstance(a, ndarray) else a, dtype, order="C"))

    def asnumpy(self, a, stream=None, order="C", out=None, *, blocking=True):
        self._wait()
        return a.values.copy() if isinstance(a, ndarray) else np.asarray(a)

    def cumsum(self, a, axis=None, dtype=None, out=None):
        return self._new(np.cumsum(own(a), axis, dtype))


class Nvrtc:
    """`cupy.cuda.nvrtc`: what it compiles is the source."""

    NVRTCError = NVRTCError

    def __init__(self, cupy):
        self._cupy = cupy

    def getVersion(self):  # noqa: N802
        return 13, 2

    def getSupportedArchs(self):  # noqa: N802
        return self._cupy.archs

    def createProgram(self, src, name, headers, include_names):  # noqa: N802
        assert isinstance(src, str)
        assert isinstance(name, str)
        self._cupy.programs[number := len(self._cupy.programs) + 1] = src
        return number

    def compileProgram(self, prog, options):  # noqa: N802
        self._cupy.options.append(options)
        wrong = [option for option in options if not OPTION.fullmatch(option)]
        if wrong or "#error" in self._cupy.programs[prog]:
            raise NVRTCError(5 if wrong else 6)

    def getCUBIN(self, prog):  # noqa: N802
        return self._cupy.programs[prog].encode()

    def getProgramLog(self, prog):  # noqa: N802
        return "freqopt.cu(3): error"

    def destroyProgram(self, prog):  # noqa: N802
        del self._cupy.programs[prog]


class Module:
    """`cupy.cuda.Module`: kernels that the twin runs."""

    def __init__(self, cupy):
        self._cupy = cupy

    def load(self, cubin):
        self._text = cubin.decode()
        self._lanes = int(re.search(r"#define LANES (\d+)", self._text)[1])

    def get_function(self, name):
        return Function(self._cupy, self._text, self._lanes, name)


class Function:
    """`cupy.cuda.Function`."""

    def __init__(self, cupy, text, lanes, name):
        (parameters,) = re.findall(rf"^ENTRY {name}\((.*?)\)", text, re.MULTILINE | re.DOTALL)
        self._parameters = [one.split()[-2:] for one in parameters.split(",")]
        of = {"float": np.float32, "double": np.float64}
        self._real = of[re.search("typedef (float|double) real", text)[1]]
        self._cupy, self._name = cupy, name
        self._module = _twin.Module(CudaSource(text, lanes))

    def __call__(
        self, grid, block, args, shared_mem=0, stream=None, enable_cooperative_groups=False
    ):
        (blocks,), (threads,) = grid, block
        assert 1 <= blocks < 2**31
        assert 32 <= threads <= 1024
        assert threads % 32 == 0
        assert shared_mem <= 48 * 1024
        assert len(args) == len(self._parameters)
        given = [self._checked(*p, v) for p, v in zip(self._parameters, args, strict=True)]
        self._cupy.launches.append((self._name, blocks, threads, shared_mem))
        self._module.launch(self._name, 1, shared_mem, *given)

    def _checked(self, kind, name, value):
        """An argument as the twin takes it, if it is what the parameter's type says."""
        where = f"{self._name}({kind} {name}) was given {value!r}"
        if not kind.endswith("*") and not name.startswith("*"):
            assert type(value) is {"i64": np.int64, "double": np.float64}[kind], where
            return value.item()
        if type(value) is np.uintp:
            assert value == 0, where
            return None
        assert isinstance(value, ndarray), where
        wanted = KINDS.get(kind.removesuffix("*"), np.uint64) or self._real
        assert value.dtype == wanted, where
        return value.values
