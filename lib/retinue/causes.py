"""What went wrong, in one sentence, whoever found it: retinue, Spark or Java."""

from __future__ import annotations

from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

__all__ = ["cause"]


def cause(fault: BaseException) -> str:
    """Spark's or Java's own sentence, or the error's first line, without the stack."""
    if isinstance(fault, Py4JJavaError):
        java: Any = fault.java_exception
        while java.getCause() is not None:
            java = java.getCause()
        said = str(java.getMessage() or java.getClass().getSimpleName())
    else:
        said = str(fault)
    if isinstance(fault, PySparkException) and fault.getCondition() == "PATH_NOT_FOUND":
        return "it is not there"
    return said.strip().partition("\n")[0] or type(fault).__name__
