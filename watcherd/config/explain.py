"""What pydantic found wrong, told to somebody who writes config.toml and never heard of pydantic."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from watcherd.config.complaints import WRONG, Complaint, Location
from watcherd.config.values import shown
from watcherd.names import printable


def complaints_of(error: ValidationError, table: type[BaseModel], lines: Mapping[Location, int]) -> list[Complaint]:
    """One complaint for each of the errors.

    Args:
        error: what the validation by ``table`` raised.
        table: the model of the whole document.
        lines: where the keys stand in the file; may be empty.
    """
    complaints = []
    for details in error.errors(include_url=False):
        problem, remedy = _EXPLAINED.get(details["type"], _by_itself)(details, table)
        complaints.append(Complaint(details["loc"], problem, remedy, line_of(details["loc"], lines)))
    return complaints


def line_of(location: Location, lines: Mapping[Location, int]) -> int | None:
    """The line of the key, or of the table that it stands in or is missing from."""
    for end in range(len(location), 0, -1):
        if location[:end] in lines:
            return lines[location[:end]]
    return None


def keys_of(table: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a table as the file has them."""
    return {field.alias or name: field for name, field in table.model_fields.items()}


def tables_below(table: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The keys that stand for tables themselves."""
    return {key: below for key, field in keys_of(table).items() if (below := _table_of(field)) is not None}


Explanation = tuple[str, str]


def _custom(details: ErrorDetails, _: type[BaseModel]) -> Explanation:
    return details["ctx"]["problem"], details["ctx"]["remedy"]


def _unknown_key(details: ErrorDetails, document: type[BaseModel]) -> Explanation:
    *above, key = details["loc"]
    table = _table_at(document, above)
    known = _headers(document) if table is document else keys_of(table)
    homes = [header for header, below in _headers(document).items() if key in keys_of(below)]
    near = difflib.get_close_matches(str(key).casefold().replace("-", "_"), keys_of(table), n=1)
    if homes:
        remedy = f"It belongs below {' or '.join(homes)}"
    elif near:
        remedy = f"Did you mean {near[0]}?"
    else:
        remedy = f"Known here: {', '.join(known)}"
    kind = "table" if isinstance(details["input"], dict | list) and table is document else "key"
    return f"there is no {kind} {printable(str(key))}{_place(above, document)}", remedy


def _missing(details: ErrorDetails, document: type[BaseModel]) -> Explanation:
    *above, key = details["loc"]
    return f"{key} is missing{_place(above, document)}", f"Write {_example(details['loc'], document)}"


def _no_text(details: ErrorDetails, document: type[BaseModel]) -> Explanation:
    return f"{shown(details['input'])} is not text", f"Write it in quotes, as in {_example(details['loc'], document)}"


def _no_truth(details: ErrorDetails, _: type[BaseModel]) -> Explanation:
    return f"{shown(details['input'])} is neither true nor false", "Write true or false, without quotes"


def _no_whole_number(details: ErrorDetails, document: type[BaseModel]) -> Explanation:
    return (
        f"{shown(details['input'])} is not a whole number",
        f"Write it without quotes, as in {_example(details['loc'], document)}",
    )


def _no_list(details: ErrorDetails, document: type[BaseModel]) -> Explanation:
    return (
        f"{shown(details['input'])} is not a list",
        f"Write it in brackets, as in {_example(details['loc'], document)}",
    )


def _no_table(details: ErrorDetails, document: type[BaseModel]) -> Explanation:
    table = _table_at(document, details["loc"])
    header = next(header for header, below in _headers(document).items() if below is table)
    return f"{shown(details['input'])} is not a table", f"Write {header} on a line of its own, and its keys below"


def _no_choice(details: ErrorDetails, _: type[BaseModel]) -> Explanation:
    choices = details["ctx"]["expected"].replace("'", '"')
    return f"{shown(details['input'])} is not possible here", f"Write {choices}"


def _too_small(details: ErrorDetails, _: type[BaseModel]) -> Explanation:
    return f"{shown(details['input'])} is too small", f"Write {details['ctx']['ge']} or more"


def _too_large(details: ErrorDetails, _: type[BaseModel]) -> Explanation:
    return f"{shown(details['input'])} is too large", f"Write {details['ctx']['le']} or less"


def _by_itself(details: ErrorDetails, _: type[BaseModel]) -> Explanation:
    return f"{shown(details['input'])} cannot be used: {details['msg']}", "See config.example.toml for what can"


_EXPLAINED: Final[dict[str, Callable[[ErrorDetails, type[BaseModel]], Explanation]]] = {
    WRONG: _custom,
    "bool_type": _no_truth,
    "extra_forbidden": _unknown_key,
    "greater_than_equal": _too_small,
    "int_type": _no_whole_number,
    "less_than_equal": _too_large,
    "literal_error": _no_choice,
    "missing": _missing,
    "model_type": _no_table,
    "string_type": _no_text,
    "tuple_type": _no_list,
}


def _example(location: Location, document: type[BaseModel]) -> str:
    # The key of a list stands for its elements, too.
    keys = [part for part in location if isinstance(part, str)]
    *above, key = keys
    field = keys_of(_table_at(document, above))[key]
    value = field.examples[0] if field.examples else field.default
    return f"{key} = {shown(list(value) if isinstance(value, tuple) else value)}"


def _place(location: Sequence[str | int], document: type[BaseModel]) -> str:
    table = _table_at(document, location)
    return next((f" in {header}" for header, below in _headers(document).items() if below is table), "")


def _headers(document: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The tables by what opens them in the file: ``[model]``, ``[[watch]]``."""
    return {
        f"[[{key}]]" if get_args(keys_of(document)[key].annotation) else f"[{key}]": table
        for key, table in tables_below(document).items()
    }


def _table_at(document: type[BaseModel], location: Iterable[str | int]) -> type[BaseModel]:
    table = document
    for part in location:
        if isinstance(part, str):
            table = tables_below(table)[part]
    return table


def _table_of(field: FieldInfo) -> type[BaseModel] | None:
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None
