"""`freqopt completion`: what a shell reads to complete commands and options."""

from __future__ import annotations

from typing import Literal

from freqopt.report.terminal import say

Shell = Literal["bash", "zsh", "fish"]


def completion_(shell: Shell) -> int:
    """Print the completion script of a shell.

    For one session: `source <(freqopt completion bash)`. For good, save it where the shell looks:
    bash ~/.local/share/bash-completion/completions/freqopt; zsh a file _freqopt in $fpath; fish
    ~/.config/fish/completions/freqopt.fish.

    Parameters
    ----------
    shell
        Whose.
    """
    from freqopt.cli import app

    say(app.generate_completion(shell=shell))
    return 0
