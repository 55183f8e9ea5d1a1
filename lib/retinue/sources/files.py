"""The files behind a path: their digests, and whether their bytes can be read to the end.

All goes through Hadoop's file systems, so that every URI works which Spark reads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from retinue.causes import cause
from retinue.errors import InputMissing

__all__ = ["SourceFile", "survey"]


@dataclass(frozen=True)
class SourceFile:
    """One file as delivered. `uri` is the name by which Spark's `_metadata.file_path` knows it."""

    uri: str
    path: str
    digest: str
    is_damaged: bool


def survey(spark: SparkSession, path: str, *, format: str = "csv") -> list[SourceFile]:
    """The files that `path` (file, folder with all below it, or glob) stands for, by path.

    Reads every byte once, on the driver, a few files at a time, for the SHA-256; a compressed
    text file or a Parquet footer is also tried out, which finds the truncated and the corrupt.
    Names that begin with `_` or `.` are not data and are passed over, as everywhere in Spark.

    Raises InputMissing where nothing is there, or a file cannot be opened.
    """
    uris = _list(spark, path)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda uri: _look_at(spark, uri, format), uris))
    except Py4JJavaError as error:
        raise InputMissing(f"{path} cannot be read: {cause(error)}") from None
    return sorted(found, key=lambda file: file.path)


def _list(spark: SparkSession, path: str) -> list[str]:
    try:
        uris = spark.read.option("recursiveFileLookup", True).text(path).inputFiles()
    except (PySparkException, Py4JJavaError) as error:
        raise InputMissing(
            f"{path} cannot be read: {cause(error)}. Give a file, a folder or a pattern such as 'logs/*.gz'"
        ) from None
    if not uris:
        raise InputMissing(f"{path} holds no file (names that begin with _ or . do not count)")
    return uris


def _look_at(spark: SparkSession, uri: str, format: str) -> SourceFile:
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(jvm.java.net.URI(uri.replace(" ", "%20")))
    return SourceFile(
        # Through text once more, which is how Spark makes the names in `_metadata`.
        uri=jvm.org.apache.hadoop.fs.Path(path.toString()).toUri().toString(),
        path=path.toUri().getPath() if path.toUri().getScheme() == "file" else path.toString(),
        digest=_digest(jvm, _open(spark, path)),
        is_damaged=not _is_whole(spark, path, format),
    )


def _open(spark: SparkSession, path: Any) -> Any:
    return path.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf()).open(path)


def _digest(jvm: Any, stream: Any) -> str:
    try:
        return str(jvm.org.apache.commons.codec.digest.DigestUtils.sha256Hex(stream))
    finally:
        stream.close()


def _is_whole(spark: SparkSession, path: Any, format: str) -> bool:
    """Whether the codec, or Parquet's reader, that Spark will use gets through the file."""
    jvm: Any = spark._jvm
    conf = spark._jsparkSession.sessionState().newHadoopConf()
    try:
        if format == "parquet":
            file = jvm.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(path, conf)
            jvm.org.apache.parquet.hadoop.ParquetFileReader.open(file).close()
            return True
        codec = jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(conf).getCodec(path)
        if codec is not None:
            _digest(jvm, codec.createInputStream(_open(spark, path)))
        return True
    except Py4JJavaError:
        return False
