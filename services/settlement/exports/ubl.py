"""Invoices and credit notes in UBL 2.1, by the rules of EN 16931.

Those rules allow two digits after the point: a currency with three cannot be written in them.
"""

from decimal import Decimal
from typing import Literal
from xml.etree import ElementTree as ET

from services.settlement.exports.documents import Document, DocumentLine, TaxGroup
from services.settlement.exports.parties import PartyDetails

CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
EN_16931 = "urn:cen.eu:en16931:2017"
PIECE = "C62"
DIGITS_MAX = 2
Kind = Literal["Invoice", "CreditNote"]
TYPE_CODES: dict[Kind, str] = {"Invoice": "380", "CreditNote": "381"}


def written(document: Document, kind: Kind, supplier: PartyDetails, customer: PartyDetails) -> bytes:
    """The XML of a document."""
    root = ET.Element(f"{{urn:oasis:names:specification:ubl:schema:xsd:{kind}-2}}{kind}")
    _basic(root, "CustomizationID", EN_16931)
    _basic(root, "ID", document.number)
    _basic(root, "IssueDate", document.issued)
    if kind == "Invoice" and document.due is not None:
        _basic(root, "DueDate", document.due)
    _basic(root, f"{kind}TypeCode", TYPE_CODES[kind])
    if document.note:
        _basic(root, "Note", document.note)
    _basic(root, "DocumentCurrencyCode", document.currency)
    for name in document.refers_to:
        reference = _group(_group(root, "BillingReference"), "InvoiceDocumentReference")
        _basic(reference, "ID", name)
    _party(root, "AccountingSupplierParty", supplier)
    _party(root, "AccountingCustomerParty", customer)
    _taxes(root, document)
    _totals(root, document)
    for line in document.lines:
        _line(root, kind, line, document.currency)
    ET.register_namespace("cbc", CBC)
    ET.register_namespace("cac", CAC)
    made: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return made


def _party(root: ET.Element, name: str, details: PartyDetails) -> None:
    party = _group(_group(root, name), "Party")
    _basic(_group(party, "PartyName"), "Name", details.name)
    address = _group(party, "PostalAddress")
    for field, value in (
        ("StreetName", details.street),
        ("CityName", details.city),
        ("PostalZone", details.postal_code),
    ):
        if value:
            _basic(address, field, value)
    _basic(_group(address, "Country"), "IdentificationCode", details.country)
    if details.vat_id:
        scheme = _group(party, "PartyTaxScheme")
        _basic(scheme, "CompanyID", details.vat_id)
        _basic(_group(scheme, "TaxScheme"), "ID", "VAT")
    _basic(_group(party, "PartyLegalEntity"), "RegistrationName", details.name)


def _taxes(root: ET.Element, document: Document) -> None:
    total = _group(root, "TaxTotal")
    _amount(total, "TaxAmount", document.tax, document.currency)
    for group in document.groups:
        subtotal = _group(total, "TaxSubtotal")
        _amount(subtotal, "TaxableAmount", group.base, document.currency)
        _amount(subtotal, "TaxAmount", group.tax, document.currency)
        _category(subtotal, "TaxCategory", group.category, group.percent, group)


def _totals(root: ET.Element, document: Document) -> None:
    totals = _group(root, "LegalMonetaryTotal")
    for name, value in (
        ("LineExtensionAmount", document.net),
        ("TaxExclusiveAmount", document.net),
        ("TaxInclusiveAmount", document.total),
        ("PayableAmount", document.total),
    ):
        _amount(totals, name, value, document.currency)


def _line(root: ET.Element, kind: Kind, line: DocumentLine, currency: str) -> None:
    """One unit at the amount; a negative line is minus one unit, since a price is never negative."""
    element = _group(root, f"{kind}Line")
    _basic(element, "ID", str(line.number))
    quantity = "InvoicedQuantity" if kind == "Invoice" else "CreditedQuantity"
    _basic(element, quantity, "1" if line.amount >= 0 else "-1", unitCode=PIECE)
    _amount(element, "LineExtensionAmount", line.amount, currency)
    period = _group(element, "InvoicePeriod")
    _basic(period, "StartDate", line.start)
    _basic(period, "EndDate", line.end)
    item = _group(element, "Item")
    _basic(item, "Name", line.name)
    _category(item, "ClassifiedTaxCategory", line.category, line.percent, None)
    _amount(_group(element, "Price"), "PriceAmount", abs(line.amount), currency)


def _category(parent: ET.Element, name: str, category: str, percent: Decimal, group: TaxGroup | None) -> None:
    element = _group(parent, name)
    _basic(element, "ID", category)
    _basic(element, "Percent", f"{percent.normalize():f}")
    if group is not None and group.reason is not None:
        _basic(element, "TaxExemptionReason", group.reason)
    _basic(_group(element, "TaxScheme"), "ID", "VAT")


def _group(parent: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(parent, f"{{{CAC}}}{name}")


def _basic(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, f"{{{CBC}}}{name}", attributes).text = text


def _amount(parent: ET.Element, name: str, value: Decimal, currency: str) -> None:
    _basic(parent, name, f"{value:f}", currencyID=currency)
