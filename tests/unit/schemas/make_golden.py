"""Write the golden bytes of event types that have none yet: `python -m tests.unit.schemas.make_golden`.

What is there is never overwritten: bytes that were once released decode for ever.
"""

from pathlib import Path

from infra.codec import encode
from schemas.catalog import events_by_tag
from tests.unit.schemas.examples import example

GOLDEN = Path(__file__).parent / "golden"


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, event in events_by_tag().items():
        for form, full in (("full", True), ("least", False)):
            path = GOLDEN / f"{name}.{form}.json"
            if not path.exists():
                path.write_bytes(encode(example(event, full=full)) + b"\n")


if __name__ == "__main__":
    main()
