"""How kernels become machine code: everything at once, in the outermost function.

Numba optimises every function by itself, with all that it calls, makes machine code of it, and does
so again for each caller. Our kernels are many small functions in deep nests, so that was most of
their compilation. Here a function that only kernels call is typed and written down in LLVM's
language, and left at that; the outermost function is optimised, once, with everything inside.
"""

from __future__ import annotations

import gc
from typing import Any

from freqopt.backends.numba.jit._private import (
    Compiler,
    JITCodeLibrary,
    NativeLowering,
    finish_inner,
    make_function,
    optimise,
    register_pass,
)


class _InnerLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The code of one function and of what it calls."""

    def _optimize_final_module(self) -> None:
        """Left to the outermost function."""

    def _finalize_final_module(self) -> None:
        finish_inner(self)


class _OuterLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The code of a function that Python calls."""

    def _optimize_final_module(self) -> None:
        optimise(self)


@register_pass(mutates_CFG=True, analysis_only=False)
class _InnerLowering(NativeLowering):  # type: ignore[misc]
    _name = "freqopt_inner_lowering"

    def run_pass(self, state: Any) -> bool:
        context = state.targetctx
        state.library = _InnerLibrary(context.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        description, library = lowered.fndesc, state.library
        module, name = description.lookup_module(), description.qualname.rsplit(".", 1)[-1]
        stub = make_function(module, name, "for kernels only", 0, lowered.env, (library,))
        context.insert_user_function(stub, description, [library])
        state["cr"] = lowered._replace(cfunc=stub)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class _OuterLowering(NativeLowering):  # type: ignore[misc]
    _name = "freqopt_outer_lowering"

    def run_pass(self, state: Any) -> bool:
        state.library = _OuterLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


class _Pipeline(Compiler):  # type: ignore[misc]
    """Numba's usual one with another last stage."""

    lowering: type[NativeLowering]

    def define_pipelines(self) -> list[Any]:
        pipelines = super().define_pipelines()
        for pipeline in pipelines:
            pipeline.passes = [
                (self.lowering if kind is NativeLowering else kind, text)
                for kind, text in pipeline.passes
            ]
            pipeline.finalize()
        return list(pipelines)


class Inner(_Pipeline):
    """For functions that only kernels call."""

    lowering = _InnerLowering


class Outer(_Pipeline):
    """For functions that Python calls."""

    lowering = _OuterLowering

    def compile_extra(self, func: Any) -> Any:
        """Without a look for garbage: of what a compilation makes, nearly all is still in use."""
        collecting = gc.isenabled()
        try:
            gc.disable()
            return super().compile_extra(func)
        finally:
            if collecting:
                gc.enable()
