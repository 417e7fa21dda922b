"""An invoice for people: one self-contained page, no scripts, nothing fetched."""

from html import escape

from services.settlement.exports.documents import Document, DocumentLine
from services.settlement.exports.parties import PartyDetails

STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}"
    "th,td{padding:.35rem .5rem;border-bottom:1px solid #ddd;text-align:left}"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "tfoot td{font-weight:600;border:0}"
)


def page(document: Document, title: str, supplier: PartyDetails, customer: PartyDetails) -> str:
    """The HTML of an invoice or credit note."""
    due = "" if document.due is None else f"<p>Due {escape(document.due)}</p>"
    note = "" if document.note is None else f"<p>{escape(document.note)}</p>"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)} {escape(document.number)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(title)} {escape(document.number)}</h1>"
        f"<p>{escape(supplier.name)} to {escape(customer.name)}</p>"
        f"<p>Issued {escape(document.issued)}</p>{due}{note}"
        f'<table><thead><tr><th>#</th><th>For</th><th>Service</th><th class="n">'
        f"{escape(document.currency)}</th></tr></thead><tbody>"
        f"{''.join(_row(line) for line in document.lines)}</tbody>{_foot(document)}</table></body></html>\n"
    )


def _row(line: DocumentLine) -> str:
    return (
        f"<tr><td>{line.number}</td><td>{escape(line.name)}</td><td>{line.start} to {line.end}</td>"
        f'<td class="n">{line.amount:,f}</td></tr>'
    )


def _foot(document: Document) -> str:
    taxes = "".join(
        f"<tr><td></td><td></td><td>Tax {escape(group.category)} {group.percent} % on {group.base:,f}</td>"
        f'<td class="n">{group.tax:,f}</td></tr>'
        for group in document.groups
    )
    return (
        f'<tfoot><tr><td></td><td></td><td>Net</td><td class="n">{document.net:,f}</td></tr>{taxes}'
        f'<tr><td></td><td></td><td>Total</td><td class="n">{document.total:,f}</td></tr></tfoot>'
    )
