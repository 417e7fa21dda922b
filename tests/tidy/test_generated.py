"""Generated files are what the declarations say."""

from cli.schemas import documents


def test_generated_files_are_current() -> None:
    stale = [
        str(path) for path, text in documents().items() if not path.exists() or path.read_bytes() != text
    ]
    assert not stale, f"run `./capledger schemas export`: {stale}"
