"""The JSON schema of a study file, with the fields of every rule and problem spelt out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from freqopt.experiment.metrics import metrics
from freqopt.experiment.study import RuleEntry, Study
from freqopt.optimizers import rules
from freqopt.problems import problems

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def study_schema() -> Schema:
    """JSON schema (2020-12) of a study file.

    Names of files of one's own (ending in .py) are accepted, with any fields.
    """
    schema = {"$schema": DIALECT, **Study.model_json_schema()}
    definitions = schema["$defs"]
    for name, rule in rules.items():
        own = {key: value for key, value in _entry_properties().items() if key != "name"}
        dialects = sorted(rule.dialects)
        own["dialect"] = {"enum": dialects} if dialects else {"const": None}
        definitions[f"rule {name}"] = _definition(name, rule, definitions, own)
    for name, problem in problems.items():
        definitions[f"problem {name}"] = _definition(name, problem, definitions, {})
    properties = schema["properties"]
    properties["rules"]["items"] = _one_of("rule", rules)
    properties["problem"] = _one_of("problem", problems)
    properties["record"]["items"] = {
        "anyOf": [{"enum": sorted(metrics)}, {"type": "string", "pattern": r"\.py$"}]
    }
    return schema


def _definition(name: str, kind: type[BaseModel], definitions: Schema, extra: Schema) -> Schema:
    schema = kind.model_json_schema()
    definitions.update(schema.pop("$defs", {}))
    schema["properties"] = {"name": {"const": name}, **extra, **schema["properties"]}
    schema["required"] = ["name", *schema.get("required", [])]
    return schema


def _entry_properties() -> Schema:
    properties: Schema = RuleEntry.model_json_schema()["properties"]
    return properties


def _one_of(noun: str, names: Any) -> Schema:
    own_file = {
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": r"\.py$"}},
        "required": ["name"],
    }
    return {"anyOf": [*({"$ref": f"#/$defs/{noun} {name}"} for name in names), own_file]}
