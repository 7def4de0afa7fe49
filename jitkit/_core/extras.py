"""Optional dependencies: what each is for, and how to get it."""

import shlex
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from jitkit.errors import MissingExtraError


class Extra(NamedTuple):
    """What an optional package brings, and what pip must be told to install it."""

    brings: str
    requirement: str


EXTRAS = {
    "pyarrow": Extra("Arrow tables, Parquet and Arrow files", "jitkit[arrow]"),
    "polars": Extra("Polars data frames", "jitkit[polars]"),
    "pandas": Extra("pandas data frames", "pandas"),
    "matplotlib": Extra("plots", "jitkit[plot]"),
}


def require(name: str, feature: str) -> Any:
    """Import an optional package, or one of its submodules.

    Parameters
    ----------
    name : str
        Of a module of a package in `EXTRAS`, as in ``"pyarrow.parquet"``.
    feature : str
        What the caller needs it for; begins the error message.

    Raises
    ------
    MissingExtraError
        If the package is not installed. One that is installed but broken raises its own ImportError.
    """
    package = name.partition(".")[0]
    if installed_version(package) is None:
        raise MissingExtraError(f"{feature} needs {package}: {install_command(package)}", name=package)
    return import_module(name)


def install_command(package: str) -> str:
    """What to type to get a package of `EXTRAS`."""
    return f"pip install {shlex.quote(EXTRAS[package].requirement)}"


def installed_version(package: str) -> str | None:
    """Version of an installed package, which is not imported; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
