"""Who bills whom: the ledger knows tenants, a document needs names, addresses and tax ids."""

import msgspec


class PartyDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A party as an invoice shows it. `country` is ISO 3166-1 alpha-2; `vat_id` begins with it."""

    tenant: str
    name: str
    country: str
    vat_id: str | None = None
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
