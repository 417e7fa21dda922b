"""What the documents name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODE = ("schemas", "infra", "services", "cli")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_the_tests_that_guard_the_invariants_exist() -> None:
    guards = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "ARCHITECTURE.md").read_text())
    assert len(guards) >= 10
    assert [
        f"{file}::{test}" for file, test in guards if f"def {test}(" not in (ROOT / file).read_text()
    ] == []


def test_the_bold_words_of_the_glossary_are_names_in_the_code() -> None:
    words = re.findall(r"\*\*(\w+)\*\*", (ROOT / "docs" / "glossary.md").read_text())
    code = "\n".join(path.read_text() for top in CODE for path in (ROOT / top).rglob("*.py"))
    assert len(words) >= 20
    assert [word for word in words if not re.search(rf"\b{word}\b", code)] == []


def test_every_decision_is_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text()
    assert [path.name for path in sorted(folder.glob("[0-9]*.md")) if path.name not in listed] == []


def test_the_code_map_names_what_is_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    paths = re.findall(r"^\| `([\w/.]+)`", text, flags=re.MULTILINE)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
