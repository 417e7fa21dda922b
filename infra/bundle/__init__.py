"""Bundles: the events of a tenant or a stream in one file, to be verified and folded without a server."""

from infra.bundle.export import NothingSelectedError, Selection, export
from infra.bundle.folding import Folding, fold_all
from infra.bundle.format import Bundle, BundleDamagedError, Header, Sealed, read
from infra.bundle.proof import Proof, prove
from infra.bundle.store import BundleStore, ReadOnlyError

__all__ = [
    "Bundle",
    "BundleDamagedError",
    "BundleStore",
    "Folding",
    "Header",
    "NothingSelectedError",
    "Proof",
    "ReadOnlyError",
    "Sealed",
    "Selection",
    "export",
    "fold_all",
    "prove",
    "read",
]
