"""Several columns in one key-value column, and nested data back into columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.errors import ParseException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    AnsiIntervalType,
    ArrayType,
    BinaryType,
    CalendarIntervalType,
    DataType,
    MapType,
    NullType,
    StringType,
    StructType,
    TimeType,
    VariantType,
)

from retinue import schema
from retinue.errors import SchemaMismatch, UnknownSetting, nearest
from retinue.schema import quoted

__all__ = ["FORMATS", "pack", "unpack"]

FORMATS = ("variant", "map", "string")
_NULL = r"\N"
_JSON = {
    "ignoreNullFields": "false",
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}


def pack(
    rows: DataFrame,
    *,
    columns: Sequence[str],
    into: str,
    format: str = "variant",
    delimiter: str = ",",
    include_names: bool = True,
) -> DataFrame:
    r"""The columns become the one column `into`, the last, and are dropped; all others ride along.

    `format` variant keeps every type; map is map<string,string>; string is `name:value,name:value`,
    or `value,value` without `include_names`. In a string a backslash stands before whatever would
    be taken for a delimiter (also before `:` in a name, and before itself), and null is `\N`, so
    that `unpack` gives back exactly what was packed: nulls, empty texts and delimiters in values
    included. In map and string a binary is base64 and nested values are JSON.

    Lazy. Raises SchemaMismatch for a column that is not there, a name in `into` that is taken or a
    type that the format does not hold (maps with keys that are no strings, times of day, nulls
    alone; in a variant also intervals), UnknownSetting for a format or delimiter that cannot be.
    """
    if not columns:
        raise SchemaMismatch("packing.pack needs at least one column")
    schema.require(rows, columns, what="packing.pack")
    kept = [name for name in rows.columns if name not in columns]
    _refuse_taken([into], kept)
    values = {name: rows[quoted(name)] for name in columns}
    types = {name: rows.schema[name].dataType for name in columns}
    format = _known(format)
    for name, type in types.items():
        _refuse_type(name, type, what="packing.pack", as_text=format != "variant")
    match format:
        case "variant":
            packed = F.to_variant_object(F.struct(*(value.alias(name) for name, value in values.items())))
        case "map":
            pairs = [part for name in columns for part in (F.lit(name), _text(values[name], types[name]))]
            packed = F.create_map(*pairs)
        case _:
            _check_delimiter(delimiter, include_names)
            texts = {name: _text(values[name], types[name]) for name in columns}
            packed = _joined(texts, delimiter, include_names)
    return rows.select(*(quoted(name) for name in kept), packed.alias(into))


def unpack(
    rows: DataFrame,
    *,
    column: str,
    fields: Mapping[str, str],
    delimiter: str = ",",
    include_names: bool = True,
) -> DataFrame:
    """The fields (name -> DDL type) of `column` become columns, the last ones; `column` is dropped.

    `column` is what `pack` made (variant, map or string, as its type says; `delimiter` and
    `include_names` as they were given there), or any struct. A field that is not there, or is not
    of its type, is null. Without names the fields are those packed, in their order.

    Lazy. Raises SchemaMismatch for a column that is not there, a type that holds no fields, a
    field whose name is taken or whose type is none or none that can be packed, UnknownSetting for
    a delimiter that cannot be.
    """
    schema.require(rows, [column], what="packing.unpack")
    kept = [name for name in rows.columns if name != column]
    _refuse_taken(fields, kept)
    _refuse_fields(fields, rows.schema[column].dataType)
    if isinstance(rows.schema[column].dataType, StringType):
        _check_delimiter(delimiter, include_names)
        rows = rows.withColumn(column, _tokens(rows[quoted(column)], delimiter))
    packed, type = F.col(quoted(column)), rows.schema[column].dataType
    match type:
        case VariantType():
            found = {name: _of_variant(packed, name, declared) for name, declared in fields.items()}
        case ArrayType():
            texts = _of_tokens(packed, list(fields), delimiter if include_names else "")
            found = {name: _from_text(texts[name], declared) for name, declared in fields.items()}
        case MapType():
            found = {
                name: _from_text(F.try_element_at(packed, F.lit(name)), declared)
                for name, declared in fields.items()
            }
        case _:
            found = _of_struct(packed, type, fields)
    return rows.select(*(quoted(name) for name in kept), *(found[name].alias(name) for name in fields))


def _known(format: str) -> str:
    if format.lower() not in FORMATS:
        raise UnknownSetting(
            f"packing.pack: format is {format!r}: one of {', '.join(FORMATS)}"
            f"{nearest(format.lower(), FORMATS)}"
        )
    return format.lower()


def _refuse_taken(names: Sequence[str] | Mapping[str, str], kept: Sequence[str]) -> None:
    taken = [name for name in names if name.lower() in {other.lower() for other in kept}]
    if taken:
        raise SchemaMismatch(f"the frame has a column {taken[0]} already; drop or rename it before")


def _refuse_fields(fields: Mapping[str, str], packed: DataType) -> None:
    for name, declared in fields.items():
        try:
            type = DataType.fromDDL(declared)
        except ParseException:
            raise SchemaMismatch(f"packing.unpack: {name} is to be {declared!r}, which is no type") from None
        if not isinstance(packed, StructType):
            as_text = not isinstance(packed, VariantType)
            _refuse_type(name, type, what="packing.unpack", as_text=as_text)


def _refuse_type(name: str, type: DataType, *, what: str, as_text: bool) -> None:
    if stray := _stray(type, as_text=as_text):
        raise SchemaMismatch(
            f"{what}: {name} has the type {stray.simpleString()}, which "
            f"{'a text' if as_text else 'a variant'} does not hold; cast it to string, "
            "or a map to its entries (map_entries)"
        )


def _stray(type: DataType, *, as_text: bool) -> DataType | None:
    """The type, or the first inside it, that cannot be packed and brought back."""
    match type:
        case ArrayType():
            return _stray(type.elementType, as_text=as_text)
        case StructType():
            found = (_stray(part.dataType, as_text=as_text) for part in type)
            return next((stray for stray in found if stray), None)
        case MapType():
            has_names = isinstance(type.keyType, StringType)
            return _stray(type.valueType, as_text=as_text) if has_names else type
        case AnsiIntervalType() | CalendarIntervalType():
            return None if as_text else type
        case NullType() | TimeType():
            return type
    return None


def _check_delimiter(delimiter: str, include_names: bool) -> None:
    reserved = {"\\", "N"} | ({":"} if include_names else set())
    if not delimiter or reserved & set(delimiter):
        raise UnknownSetting(
            f"packing: delimiter is {delimiter!r}; "
            f"it must not be empty nor hold any of {' '.join(sorted(reserved))}"
        )


# --- one value as text, and back ------------------------------------------------------------------


def _text(value: Column, type: DataType) -> Column:
    if isinstance(type, BinaryType):
        return F.base64(value)
    if isinstance(type, ArrayType | MapType | StructType | VariantType):
        return F.to_json(value, _JSON)
    return value.cast("string")


def _from_text(text: Column, declared: str) -> Column:
    declared = declared.strip()
    if declared.lower() == "binary":
        return F.unbase64(text)
    if declared.lower() == "variant":
        return F.try_parse_json(text)
    if "<" in declared:
        return F.from_json(text, declared, _JSON)
    return text.try_cast(declared)


# --- strings ----------------------------------------------------------------------------------------


def _joined(texts: Mapping[str, Column], delimiter: str, include_names: bool) -> Column:
    marks = _class(delimiter)
    values = {
        name: F.coalesce(F.regexp_replace(text, f"([{marks}])", r"\\$1"), F.lit(_NULL))
        for name, text in texts.items()
    }
    if include_names:
        values = {name: F.concat(F.lit(_label(name, delimiter)), value) for name, value in values.items()}
    return F.concat_ws(delimiter, *values.values())


def _class(marks: str) -> str:
    """The inside of a character class: these characters and the backslash."""
    return "".join(f"\\x{{{ord(mark):x}}}" for mark in dict.fromkeys("\\" + marks))


def _label(name: str, delimiter: str) -> str:
    return "".join("\\" + mark if mark in "\\:" + delimiter else mark for mark in name) + ":"


def _tokens(packed: Column, delimiter: str) -> Column:
    """What stands between delimiters that no backslash precedes, as it stands."""
    # Possessive, so that a long value costs no stack; each match begins with a delimiter, so that
    # no match is empty and an empty first or last value counts.
    marks = "".join(f"\\x{{{ord(mark):x}}}" for mark in delimiter)
    pattern = rf"(?s){marks}((?:[^{_class(delimiter)}]|\\.)*+)"
    return F.regexp_extract_all(F.concat(F.lit(delimiter), packed), F.lit(pattern), F.lit(1))


def _of_tokens(tokens: Column, names: Sequence[str], delimiter: str) -> dict[str, Column]:
    """The values by name; by place where there is no delimiter to tell how names are written."""
    if not delimiter:
        return {name: _unescaped(F.get(tokens, F.lit(place))) for place, name in enumerate(names)}
    labels = {name: _label(name, delimiter) for name in names}
    return {name: _unescaped(_labelled(tokens, label)) for name, label in labels.items()}


def _labelled(tokens: Column, label: str) -> Column:
    own = F.filter(tokens, lambda token: token.startswith(label))
    return F.substring(F.get(own, F.lit(0)), len(label) + 1, 2**31 - 1)


def _unescaped(token: Column) -> Column:
    return F.regexp_replace(F.nullif(token, F.lit(_NULL)), r"(?s)\\(.)", "$1")


# --- variants and structs ---------------------------------------------------------------------------


def _of_variant(packed: Column, name: str, declared: str) -> Column:
    mark = "'" if "'" not in name else '"'
    return F.try_variant_get(packed, f"$[{mark}{name}{mark}]", declared)


def _of_struct(packed: Column, type: DataType, fields: Mapping[str, str]) -> dict[str, Column]:
    if not isinstance(type, StructType):
        raise SchemaMismatch(
            f"packing.unpack: the column is of type {type.simpleString()}; "
            "it takes a variant, map, struct or string"
        )
    return {
        name: (packed.getField(name) if name in type.names else F.lit(None)).try_cast(declared)
        for name, declared in fields.items()
    }
