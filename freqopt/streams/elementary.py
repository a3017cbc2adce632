"""exp, log, sin, ... from + - * / alone, so that every backend computes the same bits.

The functions of a platform's libm differ in the last bits from one machine, library version and
GPU to the next. Here each function is one fixed sequence of IEEE 754 double-precision operations
(+ - * /, rint, ldexp, frexp, comparisons; no fused multiply-add), short and branch-light so that
it can be transcribed line by line as scalar Numba or CUDA code. Largest error measured against
mpmath, in units in the last place (tests/streams/test_elementary.py states the points):

    exp 0.64    expm1 1.06    log 0.53    log1p 0.66    power 0.65 + |y| / 60
    sin 0.75    cos 0.75      sigmoid 1.9    softplus 1.4

float64 in, float64 out. float32 arguments are computed in float64 and rounded once. NaN
propagates, and no NumPy warning is ever raised.

Method: range reduction by a constant split into parts whose products are exact (Cody & Waite,
*Software Manual for the Elementary Functions*, 1980), a Taylor series long enough for the reduced
range, and compensated last additions (Dekker, *Numer. Math.* 18, 1971, 224-242).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import FreqoptError
from freqopt.streams._arithmetic import horner, product_error
from freqopt.streams._trigonometry import cosine, sine
from freqopt.typing import Doubles

Float = TypeVar("Float", bound=np.floating)

# ln 2 in parts of 42 + 53 bits: k * LN2_HI is exact for the exponents of doubles, |k| < 2^11.
LN2_HI = float.fromhex("0x1.62e42fefa3800p-1")
LN2_LO = float.fromhex("0x1.ef35793c76730p-45")
INV_LN2 = float.fromhex("0x1.71547652b82fep+0")
SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")

# Taylor coefficients, lowest power first; every division is correctly rounded.
EXP_SERIES = tuple(1.0 / math.factorial(n) for n in range(2, 14))  # (e^r - 1 - r) / r^2
LOG_SERIES = tuple(2.0 / (2 * n + 1) for n in range(1, 11))  # (2 atanh s - 2 s) / s^3, in s^2

_BLOCK = 4096  # elements computed at a time: the temporaries stay in cache. Not a matter of bits.


class Unary(Protocol):
    """float -> float, float array -> array of the same dtype and shape."""

    @overload
    def __call__(self, x: float, /) -> float: ...
    @overload
    def __call__(self, x: NDArray[Float], /) -> NDArray[Float]: ...


class Binary(Protocol):
    """The same for two arguments, which broadcast."""

    @overload
    def __call__(self, x: float, y: float, /) -> float: ...
    @overload
    def __call__(self, x: NDArray[Float], y: NDArray[Float] | float, /) -> NDArray[Float]: ...
    @overload
    def __call__(self, x: float, y: NDArray[Float], /) -> NDArray[Float]: ...


def _elementary(core: Callable[..., Doubles]) -> Any:
    """Give a float64 array core its public form: scalars, broadcasting, float32, no warnings."""

    def function(*arguments: Any) -> Any:
        narrow = np.result_type(*arguments) == np.float32
        wide = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in arguments))
        with np.errstate(all="ignore"):
            if wide[0].size <= _BLOCK:
                result = core(*wide)
            else:
                flat = [a.reshape(-1) for a in wide]
                result = np.empty(flat[0].size)
                for start in range(0, result.size, _BLOCK):
                    block = slice(start, start + _BLOCK)
                    result[block] = core(*(a[block] for a in flat))
                result = result.reshape(wide[0].shape)
            return result.astype(np.float32) if narrow else result

    function.__name__ = function.__qualname__ = core.__name__.lstrip("_")
    function.__doc__ = core.__doc__
    vars(function)["__signature__"] = inspect.signature(core)
    return function


def _exp_parts(hi: Doubles, lo: Doubles | float) -> tuple[NDArray[np.int32], Doubles, Doubles]:
    """k, t, rest with e^(hi + lo) = 2^k (t + rest), |rest| < 0.08 and t + rest in (0.7, 1.42)."""
    hi = np.minimum(np.maximum(hi, -746.0), 710.0)  # e^-746 rounds to 0, e^710 to inf
    k = np.rint(hi * INV_LN2)
    exact = hi - k * LN2_HI
    small = lo - k * LN2_LO
    r = exact + small
    r_lo = (exact - r) + small
    t = 1.0 + r
    t_lo = (1.0 - t) + r
    return k.astype(np.int32), t, t_lo + (r_lo + r * r * horner(r, EXP_SERIES))


def _log_parts(x: Doubles) -> tuple[Doubles, Doubles]:
    """Two numbers, hi + lo = log x to about 60 bits, for 0 < x < inf (else: `_log_limits`)."""
    m, e = np.frexp(x)
    low = m < SQRT_HALF
    m = np.where(low, 2.0 * m, m)  # m in [sqrt(1/2), sqrt(2)): no cancellation with e ln 2
    k = e - np.where(low, 1.0, 0.0)
    # log m = 2 atanh(s), s = (m - 1) / (m + 1); s_lo is what the rounding of s and m + 1 lost.
    f = m - 1.0
    d = m + 1.0
    d_lo = m - (d - 1.0)
    s = f / d
    sd = s * d
    s_lo = (((f - sd) - product_error(s, d, sd)) - s * d_lo) / d
    z = s * s
    series = 2.0 * s_lo + s * z * horner(z, LOG_SERIES)
    head = k * LN2_HI
    hi = head + 2.0 * s
    lo = ((head - hi) + 2.0 * s) + (k * LN2_LO + series)
    total = hi + lo
    return total, (hi - total) + lo


def _log_limits(x: Doubles, inside: Doubles) -> Doubles:
    """`inside` for 0 < x < inf; log 0 = -inf, log inf = inf, NaN for x < 0 and NaN."""
    edge = np.where(x == np.inf, np.inf, np.where(x == 0.0, -np.inf, np.nan))
    return np.where((x > 0.0) & (x < np.inf), inside, edge)


def _exp(x: Doubles) -> Doubles:
    """e^x over the whole range: inf above 709.78, subnormals below -708.4, 0 below -745.13.

    Parameters
    ----------
    x : float, or float32 or float64 array

    Returns
    -------
    float64 scalar, or an array of the argument's dtype and shape
    """
    k, t, rest = _exp_parts(x, 0.0)
    return np.ldexp(t + rest, k)


def _expm1(x: Doubles) -> Doubles:
    """e^x - 1 without cancellation at x = 0.

    Parameters
    ----------
    x : float, or float32 or float64 array

    Returns
    -------
    float64 scalar, or an array of the argument's dtype and shape
    """
    k, t, rest = _exp_parts(x, 0.0)
    return (np.ldexp(t, k) - 1.0) + np.ldexp(rest, k)


def _log(x: Doubles) -> Doubles:
    """Natural logarithm, subnormals included; log 0 = -inf, log of a negative number is NaN.

    Parameters
    ----------
    x : float, or float32 or float64 array

    Returns
    -------
    float64 scalar, or an array of the argument's dtype and shape
    """
    return _log_limits(x, _log_parts(x)[0])


def _log1p(x: Doubles) -> Doubles:
    """log(1 + x) without cancellation at x = 0; -inf at -1, NaN below.

    Parameters
    ----------
    x : float, or float32 or float64 array

    Returns
    -------
    float64 scalar, or an array of the argument's dtype and shape
    """
    u = 1.0 + x
    # u + lost = 1 + x exactly (Knuth's two-sum, because |x| may be below or above 1).
    x_part = u - 1.0
    lost = (1.0 - (u - x_part)) + (x - x_part)
    hi, lo = _log_parts(u)
    return _log_limits(u, hi + (lo + lost / u))  # log(u + lost) = log u + lost / u - ...


def _sigmoid(x: Doubles) -> Doubles:
    """1 / (1 + e^-x).

    Parameters
    ----------
    x : float, or float32 or float64 array

    Returns
    -------
    float64 scalar, or an array of the argument's dtype and shape
    """
    e = _exp(-np.abs(x))  # never overflows
    return np.where(x >= 0.0, 1.0, e) / (1.0 + e)


def _softplus(x: Doubles) -> Doubles:
    """log(1 + e^x), finite for every finite x.

    Parameters
    ----------
    x : float, or float32 or float64 array

    Returns
    -------
    float64 scalar, or an array of the argument's dtype and shape
    """
    return np.maximum(x, 0.0) + _log1p(_exp(-np.abs(x)))


def _power(x: Doubles, y: Doubles) -> Doubles:
    """x^y = e^(y log x) for x >= 0 (NaN for x < 0), log x carried to 60 bits; x^0 = 1.

    Parameters
    ----------
    x, y : float, or float32 or float64 arrays
        They broadcast.

    Returns
    -------
    float64 scalar, or an array of the arguments' common dtype and shape
    """
    hi, lo = _log_parts(x)
    hi = _log_limits(x, hi)
    y = np.minimum(np.maximum(y, -(2.0**66)), 2.0**66)  # beyond, x^y is 0, 1 or inf all the same
    product = y * hi
    rest = product_error(y, hi, product) + y * lo
    k, t, rest = _exp_parts(product, np.where(np.abs(product) < 746.0, rest, 0.0))
    return np.where((y == 0.0) & (x >= 0.0), 1.0, np.ldexp(t + rest, k))


exp: Unary = _elementary(_exp)
expm1: Unary = _elementary(_expm1)
log: Unary = _elementary(_log)
log1p: Unary = _elementary(_log1p)
sigmoid: Unary = _elementary(_sigmoid)
softplus: Unary = _elementary(_softplus)
sin: Unary = _elementary(sine)
cos: Unary = _elementary(cosine)
power: Binary = _elementary(_power)


@overload
def integer_power(base: float, n: int) -> float: ...
@overload
def integer_power(base: float, n: NDArray[np.integer]) -> Doubles: ...
def integer_power(base: float, n: int | NDArray[np.integer]) -> float | Doubles:
    """base^n by squaring, in the order: while n: (if n odd: result *= base); base *= base; n >>= 1.

    For integer exponents (Adam's beta^t) this needs no logarithm and has one obvious order.

    Parameters
    ----------
    base : float
    n : int, or int64 array
        The exponents, >= 0.

    Returns
    -------
    float64, shape of `n`

    Raises
    ------
    FreqoptError
        A negative exponent.
    """
    if np.any(np.asarray(n) < 0):
        raise FreqoptError(
            f"integer_power was given the exponent {np.min(n)}; it must be >= 0. "
            "Use 1.0 / integer_power(base, -n), or power(base, n)."
        )
    square = float(base)
    if isinstance(n, int | np.integer):
        exponent = int(n)
        result = 1.0
        while exponent:
            if exponent & 1:
                result *= square
            square *= square
            exponent >>= 1
        return result
    left = np.array(n)
    power_of_each = np.ones(left.shape)
    with np.errstate(all="ignore"):
        while left.any():
            np.multiply(power_of_each, square, out=power_of_each, where=left & 1 == 1)
            square *= square
            left >>= 1
    return power_of_each
