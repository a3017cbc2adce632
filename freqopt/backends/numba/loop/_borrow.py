"""Arrays as the loop sees them: without owner, and with the width of a row as a constant.

Python holds every array for as long as the loop runs. So the loop's views have no owner, and no
reference is counted, which would cost an atomic instruction whenever a view gets a name. A constant
width turns the loops along a row into straight code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _each_array(
    context: Any, builder: Any, kind: Any, value: Any, change: Callable[[Any, Any], None]
) -> Any:
    """`value` with `change(array type, view)` made to every array of its tuples."""
    if isinstance(kind, types.Array):
        view = context.make_array(kind)(context, builder, value)
        change(kind, view)
        return view._getvalue()
    if isinstance(kind, types.BaseTuple):
        for k, inner in enumerate(kind):
            old = builder.extract_value(value, k)
            new = _each_array(context, builder, inner, old, change)
            value = builder.insert_value(value, new, k)
    return value


@intrinsic  # type: ignore[untyped-decorator]
def borrowed(typing: Any, value: Any) -> Any:
    """The arrays of a tuple of tuples of arrays and numbers, without their owners."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def disown(kind: Any, view: Any) -> None:
            view.meminfo = cgutils.get_null_value(view.meminfo.type)
            view.parent = cgutils.get_null_value(view.parent.type)

        return _each_array(context, builder, value, arguments[0], disown)

    return value(value), generate


@cache
def of_width(width: int) -> Callable[..., Any]:
    """A compiled function of a tuple like that: its C-contiguous (N, width) arrays, width fixed."""

    @intrinsic  # type: ignore[untyped-decorator]
    def fixed(typing: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            def fix(kind: Any, view: Any) -> None:
                if kind.ndim == 2:
                    size = cgutils.unpack_tuple(builder, view.shape)[0]
                    item = context.get_abi_sizeof(context.get_data_type(kind.dtype))
                    numbers = [size.type(n) for n in (width, width * item, item)]
                    view.shape = cgutils.pack_array(builder, [size, numbers[0]])
                    view.strides = cgutils.pack_array(builder, numbers[1:])
                    view.itemsize = numbers[2]

            return _each_array(context, builder, value, arguments[0], fix)

        return value(value), generate

    return fixed
