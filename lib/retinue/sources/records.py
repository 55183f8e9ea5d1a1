"""The records of files: one row each, numbered as they stand in their file.

A row is source_file, source_digest, position (bigint, from 1) and record (string): the line as
it stands, or a Parquet row as JSON. Three rules keep every record whole and legible:

- Lines that hold white space only are no records, nor is a header.
- A line whose bytes are no UTF-8 is kept as U+FFFD followed by each byte as the character of the
  same number, so that nothing is lost and `with_text` finds the bytes again.
- A file whose bytes cannot be read to the end (truncated or corrupt compression, no Parquet)
  gives what can be read and then one record that is empty, which stands for the rest.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from retinue.causes import cause
from retinue.errors import SchemaMismatch
from retinue.sources.files import SourceFile
from retinue.sources.mappings import CsvOptions, Mapping, one_byte_table

__all__ = ["of_files", "with_text"]

SCHEMA = "source_file string, source_digest string, position bigint, record string"
_RAW = "\ufffd"  # before a record whose bytes stand as characters
_BLANK = " \t\r\v\f"
_HEADER_LENGTH = 100_000  # bytes of a first line that are looked at
_BATCH = 4096


def of_files(spark: SparkSession, path: str, files: Sequence[SourceFile], mapping: Mapping) -> DataFrame:
    """The records of these files of `path`, numbered. Runs Spark jobs: the input is read once to
    count the records of each split (what comes to the driver is a row a split), and again, lazily,
    with the frame. The splits are fixed by then, so the numbers hold wherever the frame runs.

    Raises SchemaMismatch where a header, or a Parquet file's columns, are not the mapping's.
    """
    if mapping.format == "parquet":
        return _parquet_rows(spark, path, files, mapping)
    if mapping.format == "csv" and mapping.csv.multiline:
        return _multiline(spark, path, files, mapping)
    return _lines(spark, path, files, mapping)


def with_text(records: DataFrame, encoding: str) -> DataFrame:
    """Adds `_text`: the record in its source's encoding, null where its bytes are no such text or
    hold NUL. A byte order mark is left out.
    """
    record, text = F.col("record"), F.col("_text")
    raw = F.encode(F.substring(record, 2, 2**31 - 1), "ISO-8859-1")
    is_raw = record.startswith(_RAW)
    upper = one_byte_table(encoding)
    if upper:
        as_bytes = F.when(is_raw, raw).otherwise(record.cast("binary"))
        one_byte = F.decode(as_bytes, "ISO-8859-1")
        decoded = F.translate(one_byte, "".join(map(chr, range(128, 256))), upper)
        # A code page leaves some bytes without a character.
        is_text = ~F.contains(text, F.lit("\ufffd"))
    else:
        decoded = F.when(is_raw, raw.cast("string")).otherwise(record)
        is_text = F.is_valid_utf8(text)
    is_text &= ~F.contains(text, F.lit("\0"))
    return records.withColumn("_text", decoded).withColumn(
        "_text", F.when(is_text, F.ltrim(text, F.lit("\ufeff")))
    )


def _legible(line: Column) -> Column:
    """The line, or each of its bytes as a character where they are no UTF-8 (or look as if)."""
    is_text = F.is_valid_utf8(line) & ~line.startswith(_RAW)
    raw = F.concat(F.lit(_RAW), F.decode(line.cast("binary"), "ISO-8859-1"))
    return F.when(is_text, line).otherwise(raw)


# --- text, a record a line ------------------------------------------------------------------


def _lines(spark: SparkSession, path: str, files: Sequence[SourceFile], mapping: Mapping) -> DataFrame:
    lines = _fixed(_numbered_lines(spark, path, files))
    splits = _count(lines)
    has_header = mapping.format == "csv" and mapping.csv.header
    if has_header:
        _check_headers(splits, files, mapping)
    offsets, rests = _offsets(splits, files, header=has_header)
    numbered = lines.join(F.broadcast(_frame(spark, offsets, _OFFSETS)), ["uri", "block_start"])
    records = numbered.select(
        "source_file",
        "source_digest",
        (F.col("line_number") + F.col("offset")).alias("position"),
        _legible(F.col("line")).alias("record"),
    )
    return _with_rests(records.where("position >= 1"), rests)


def _numbered_lines(spark: SparkSession, path: str, files: Sequence[SourceFile]) -> DataFrame:
    """Lines that are not blank, with a number that grows by one from line to line of a split."""
    whole = [file for file in files if not file.is_damaged]
    damaged = [file for file in files if file.is_damaged]
    lines = _raw_lines(spark, path, whole, ignore_corrupt=False)
    if damaged:
        lines = lines.unionAll(_raw_lines(spark, path, damaged, ignore_corrupt=True))
    return lines.where(F.trim(F.col("line"), F.lit(_BLANK)) != "").withColumn(
        "line_number", F.monotonically_increasing_id()
    )


def _raw_lines(
    spark: SparkSession, path: str, files: Sequence[SourceFile], *, ignore_corrupt: bool
) -> DataFrame:
    text = (
        spark.read.option("recursiveFileLookup", True)
        .option("ignoreCorruptFiles", ignore_corrupt)
        .option("lineSep", "\n")
        .text(path)
    )
    return text.where(F.col("_metadata.file_path").isin([file.uri for file in files])).select(
        F.rtrim(F.col("value"), F.lit("\r")).alias("line"),
        F.col("_metadata.file_path").alias("uri"),
        F.col("_metadata.file_block_start").alias("block_start"),
    )


def _fixed(rows: DataFrame) -> DataFrame:
    """The same rows from the same splits, however often they are asked for.

    Spark plans the splits of files anew for every query, by the number of cores there are at that
    moment. Numbers counted in one query hold in the next only over one and the same RDD.
    """
    spark = rows.sparkSession
    planned = rows._jdf.queryExecution().toRdd()
    frame = spark._jsparkSession.internalCreateDataFrame(planned, rows._jdf.schema(), False)
    return DataFrame(frame, spark)


_OFFSETS = "uri string, block_start bigint, source_file string, source_digest string, offset bigint"
_Split = tuple[int, int, int, str]  # block_start, first line number, lines, first line


def _count(lines: DataFrame) -> dict[str, list[_Split]]:
    """The splits of each file, in order."""
    rows = (
        lines.groupBy("uri", "block_start")
        .agg(
            F.min("line_number"),
            F.count("*"),
            F.min_by(_legible(F.substring("line", 1, _HEADER_LENGTH)), "line_number"),
        )
        .orderBy("uri", "block_start")
        .collect()
    )
    splits: dict[str, list[_Split]] = {}
    for uri, *split in rows:
        splits.setdefault(uri, []).append((split[0], split[1], split[2], split[3]))
    return splits


def _offsets(
    splits: dict[str, list[_Split]], files: Iterable[SourceFile], *, header: bool
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """What to add to a line number, a row a split; and the records that stand for unreadable rests."""
    offsets: list[tuple[object, ...]] = []
    rests: list[tuple[object, ...]] = []
    for file in files:
        before = -1 if header else 0
        for block_start, first, count, _ in splits.get(file.uri, []):
            offsets.append((file.uri, block_start, file.path, file.digest, before + 1 - first))
            before += count
        if file.is_damaged:
            rests.append((file.path, file.digest, max(before, 0) + 1, ""))
    return offsets, rests


def _frame(spark: SparkSession, rows: Sequence[tuple[object, ...]], schema: str) -> DataFrame:
    """A frame of rows that the driver holds, through Arrow, so that no Spark job makes it."""
    names = [column.split()[0] for column in schema.split(", ")]
    types = [pa.int64() if column.endswith("bigint") else pa.string() for column in schema.split(", ")]
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    arrays = [pa.array(column, type=type) for column, type in zip(columns, types, strict=True)]
    return spark.createDataFrame(pa.table(arrays, names=names))


def _with_rests(records: DataFrame, rests: Sequence[tuple[object, ...]]) -> DataFrame:
    return records.unionAll(_frame(records.sparkSession, rests, SCHEMA)) if rests else records


def _check_headers(splits: dict[str, list[_Split]], files: Iterable[SourceFile], mapping: Mapping) -> None:
    for file in files:
        if file.uri in splits:
            _check_header(splits[file.uri][0][3], file, mapping)


def _check_header(first: str, file: SourceFile, mapping: Mapping) -> None:
    """Stop unless the file's first line names the mapping's fields, in their order."""
    found = [name.strip() for name in next(_reader(mapping.csv, [first.removeprefix("\ufeff")]), [])]
    wanted = list(mapping.fields)
    # A column without a name, such as a written-out index, may go by any.
    found = [name or other for name, other in zip_longest(found, wanted[: len(found)], fillvalue="")]
    if [name.lower() for name in found] == [name.lower() for name in wanted]:
        return
    missing = [name for name in wanted if name not in found]
    new = [name for name in found if name not in wanted]
    shown = ", ".join(found[:20])[:1000]
    raise SchemaMismatch(
        f"{file.path}: its header is not what mapping '{mapping.name}' declares"
        + (f"; missing: {', '.join(missing)}" if missing else "")
        + (f"; not declared: {', '.join(new[:20])[:1000]}" if new else "")
        + ("" if missing or new else f"; the order differs, there it is {shown}")
        + f". `retinue map {file.path}` writes a mapping for it"
    )


# --- CSV whose records may span lines ---------------------------------------------------------


def _multiline(spark: SparkSession, path: str, files: Sequence[SourceFile], mapping: Mapping) -> DataFrame:
    """Each file is read whole by one task (2 GB at most, decompressed) and cut by Python's csv."""
    whole = [file for file in files if not file.is_damaged]
    texts = (
        spark.read.option("recursiveFileLookup", True)
        .text(path, wholetext=True)
        .where(F.col("_metadata.file_path").isin([file.uri for file in whole]))
        .select(F.col("_metadata.file_path").alias("uri"), F.col("value").cast("binary").alias("content"))
    )
    named = texts.join(F.broadcast(_frame(spark, _names(whole), _NAMES)), "uri")
    options = mapping.csv

    def cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for file in batch.to_pylist():
                yield from _batches(file, options)

    records = named.select("source_file", "source_digest", "content").mapInArrow(cut, SCHEMA)
    if options.header:
        headers = records.where("position = 0").select("source_digest", "record").collect()
        by_digest = {file.digest: file for file in whole}
        for digest, header in headers:
            _check_header(header, by_digest[digest], mapping)
    rests = [(file.path, file.digest, 1, "") for file in files if file.is_damaged]
    return _with_rests(records.where("position >= 1"), rests)


_NAMES = "uri string, source_file string, source_digest string"


def _names(files: Iterable[SourceFile]) -> list[tuple[object, ...]]:
    return [(file.uri, file.path, file.digest) for file in files]


def _batches(file: dict[str, object], options: CsvOptions) -> Iterator[pa.RecordBatch]:
    numbered = enumerate(_cut(bytes(file["content"]), options), start=0 if options.header else 1)  # type: ignore[call-overload]
    while rows := [row for _, row in zip(range(_BATCH), numbered, strict=False)]:
        positions, records = zip(*rows, strict=True)
        yield pa.RecordBatch.from_arrays(
            [
                pa.array([file["source_file"]] * len(rows), pa.string()),
                pa.array([file["source_digest"]] * len(rows), pa.string()),
                pa.array(positions, pa.int64()),
                pa.array(records, pa.string()),
            ],
            names=["source_file", "source_digest", "position", "record"],
        )


def _cut(content: bytes, options: CsvOptions) -> Iterator[str]:
    """The records of a file. A quote that is never closed takes the rest of the file with it."""
    # Each byte as one character: delimiter and quote are ASCII, and no byte can fail.
    csv.field_size_limit(sys.maxsize)
    taken: list[str] = []
    lines = io.StringIO(content.decode("latin-1"), newline="\n")

    def take() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            # To csv a lone carriage return is an error; here it is a character like any other.
            yield line.replace("\r", " ")

    for _ in _reader(options, take()):
        record = "".join(taken).rstrip("\r\n")
        taken.clear()
        if record.strip(_BLANK):
            yield _legible_bytes(record.encode("latin-1"))


def _legible_bytes(record: bytes) -> str:
    try:
        text = record.decode("utf-8")
    except UnicodeDecodeError:
        text = _RAW
    return _RAW + record.decode("latin-1") if text.startswith(_RAW) else text


def _reader(options: CsvOptions, lines: Iterable[str]) -> Iterator[list[str]]:
    escape = options.escape if options.escape != options.quote else None
    return csv.reader(
        lines,
        delimiter=options.delimiter,
        quotechar=options.quote or None,
        quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
        escapechar=escape or None,
    )


# --- Parquet ------------------------------------------------------------------------------------

_JSON = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}


def _parquet_rows(spark: SparkSession, path: str, files: Sequence[SourceFile], mapping: Mapping) -> DataFrame:
    """A row as JSON; its number is Parquet's own row index. Raises SchemaMismatch for files of which
    the columns do not go together, or of which none is declared.
    """
    schema = _parquet_schema(spark, path, files)
    damaged = _damaged(spark, path, files, schema)
    whole = [file for file in files if file not in damaged]
    if schema is not None and whole:
        _check_columns(schema, whole[0], mapping)
    rests = _frame(spark, [(file.path, file.digest, 1, "") for file in files if file in damaged], SCHEMA)
    if schema is None or not whole:
        return rests
    return _json_rows(spark, path, whole, schema).unionAll(rests)


def _parquet_schema(spark: SparkSession, path: str, files: Sequence[SourceFile]) -> StructType | None:
    """The columns of all the files together; None where no footer can be read."""
    if all(file.is_damaged for file in files):
        return None
    reader = spark.read.option("recursiveFileLookup", True).option("mergeSchema", True)
    try:
        return reader.option("ignoreCorruptFiles", True).parquet(path).schema
    except (PySparkException, Py4JJavaError) as error:
        raise SchemaMismatch(
            f"{path}: the columns of its Parquet files do not go together; give them apart. {cause(error)}"
        ) from None


def _damaged(
    spark: SparkSession, path: str, files: Sequence[SourceFile], schema: StructType | None
) -> set[SourceFile]:
    """The files that cannot be read to the end: by their footer, or found out by reading them."""
    damaged = {file for file in files if file.is_damaged}
    rest = [file for file in files if file not in damaged]
    if schema is None or _can_be_read(_json_rows(spark, path, rest, schema)):
        return damaged
    return damaged | {file for file in rest if not _can_be_read(_json_rows(spark, path, [file], schema))}


def _can_be_read(rows: DataFrame) -> bool:
    try:
        rows.write.format("noop").mode("overwrite").save()
    except (PySparkException, Py4JJavaError):
        return False
    return True


def _json_rows(spark: SparkSession, path: str, files: Sequence[SourceFile], schema: StructType) -> DataFrame:
    rows = spark.read.schema(schema).option("recursiveFileLookup", True).parquet(path)
    numbered = rows.where(F.col("_metadata.file_path").isin([file.uri for file in files])).select(
        F.col("_metadata.file_path").alias("uri"),
        (F.col("_metadata.row_index") + 1).alias("position"),
        F.to_json(F.struct(*(F.col(f"`{name}`") for name in schema.names)), _JSON).alias("record"),
    )
    named = numbered.join(F.broadcast(_frame(spark, _names(files), _NAMES)), "uri")
    return named.select("source_file", "source_digest", "position", "record")


def _check_columns(schema: StructType, file: SourceFile, mapping: Mapping) -> None:
    if not set(mapping.fields) & set(schema.names):
        raise SchemaMismatch(
            f"{file.path} has none of the fields of mapping '{mapping.name}' ({', '.join(mapping.fields)}); "
            f"it has {', '.join(schema.names)}. `retinue map {file.path}` writes a mapping for it"
        )
