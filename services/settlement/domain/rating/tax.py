"""Tax: once per category and rate on the net sum, then shared out to the lines."""

from collections.abc import Sequence
from fractions import Fraction

import msgspec

from schemas.contracts.values import Tax
from schemas.kernel.rates import percent
from schemas.kernel.rounding import Rounding, rounded
from schemas.kernel.shares import largest_remainder
from services.settlement.domain.rating.facts import Deal, charges_named
from services.settlement.domain.rating.line import Line
from services.settlement.domain.rating.scope import Scope

UNTAXED = frozenset({"late_interest"})


class Entry(msgspec.Struct, frozen=True):
    """The tax of one category at one rate: base and amount in minor units."""

    category: str
    rate_percent: str
    base: int
    amount: int


def taxed(deal: Deal, scope: Scope, line: Line) -> Line:
    """The line with the tax entry that it counts in: by the tax section at the interval's start."""
    if line.kind in UNTAXED or not scope.chapters:
        return line
    sections = scope.opening.tax
    wanted = _category(deal, scope, line)
    found = next((tax for tax in sections if wanted is None or tax.category == wanted), None)
    if found is None:
        return line
    return msgspec.structs.replace(line, category=found.category, rate_percent=_plain(found))


def _plain(tax: Tax) -> str:
    return tax.rate_percent


def _category(deal: Deal, scope: Scope, line: Line) -> str | None:
    """The category that a charge states; None for the first of the section."""
    if line.charge is None:
        return None
    for chapters in (scope.chapters, deal.chapters):
        for _, charge in charges_named(chapters, line.charge):
            return charge.tax_category
    return None


def assess(
    amounts: Sequence[tuple[int, str | None, str | None]], mode: Rounding
) -> tuple[list[int], list[Entry]]:
    """The tax of each line, and the entries by category, then rate.

    `amounts` holds each line's amount in minor units, category and rate; None for no tax.
    """
    groups: dict[tuple[str, Fraction], list[int]] = {}
    texts: dict[tuple[str, Fraction], str] = {}
    for index, (_, category, rate_percent) in enumerate(amounts):
        if category is not None and rate_percent is not None:
            key = (category, percent(rate_percent))
            groups.setdefault(key, []).append(index)
            texts.setdefault(key, rate_percent)
    taxes = [0] * len(amounts)
    entries: list[Entry] = []
    for key in sorted(groups):
        members = groups[key]
        base = sum(amounts[i][0] for i in members)
        tax = rounded(base * key[1], mode)
        entries.append(Entry(key[0], texts[key], base, tax))
        for index, part in zip(members, shared(tax, [amounts[i][0] for i in members], key[1]), strict=True):
            taxes[index] = part
    return taxes, entries


def shared(tax: int, amounts: Sequence[int], rate: Fraction) -> list[int]:
    """The tax shared out: by largest remainder; of mixed sign, on absolute amounts with the sign of each."""
    weights = [abs(amount) for amount in amounts]
    if all(amount >= 0 for amount in amounts) or all(amount <= 0 for amount in amounts):
        return largest_remainder(tax, weights) if any(weights) else [0] * len(amounts)
    quotas = [divmod(weight * rate.numerator, rate.denominator) for weight in weights]
    signs = [1 if amount >= 0 else -1 for amount in amounts]
    shares = [sign * quota for sign, (quota, _) in zip(signs, quotas, strict=True)]
    left = tax - sum(shares)
    step = 1 if left > 0 else -1
    able = [i for i, sign in enumerate(signs) if sign == step]
    for index in sorted(able, key=lambda i: -quotas[i][1])[: abs(left)]:
        shares[index] += step
    return shares
