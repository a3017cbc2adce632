"""`freqopt schema`: the JSON schema of study files, for editors."""

from __future__ import annotations

from freqopt.experiment.schema import study_schema
from freqopt.report.terminal import say_json


def schema_() -> int:
    """Print the JSON schema of study files.

    An editor with a TOML language server completes and checks study files with it: save it as
    study.schema.json and begin a study with `#:schema ./study.schema.json`.
    """
    say_json(study_schema())
    return 0
