"""The journal as Beancount: each posting group a transaction, balances asserted at the end."""

from collections.abc import Sequence
from datetime import date, timedelta

from schemas.kernel.money import amount
from services.settlement.domain.journal import GPU_SECOND, Group, trial

GPU_COMMODITY = "GPU-SECOND"
ROOTS = {
    "Cash": "Assets",
    "Receivable": "Assets",
    "Disputed": "Assets",
    "UnbilledRevenue": "Assets",
    "NettingClearing": "Assets",
    "DeferredRevenue": "Liabilities",
    "TaxPayable": "Liabilities",
    "CustomerCredit": "Liabilities",
    "UnappliedCash": "Liabilities",
    "FXGainLoss": "Income",
    "Committed": "Equity:Capacity",
    "Allocated": "Equity:Capacity",
    "Used": "Equity:Capacity",
    "Unused": "Equity:Capacity",
    "PassedOn": "Equity:Capacity",
}


def account_name(account: str) -> str:
    """The Beancount account: income accounts have their root already."""
    return account if account.startswith("Income:") else f"{ROOTS[account]}:{account}"


def journal(groups: Sequence[Group], title: str) -> str:
    """A ledger that `bean-check` passes, for the groups of one tenant's books."""
    if not groups:
        return f'option "title" "{_text(title)}"\n'
    ordered = sorted(groups, key=lambda group: group.at)
    first, last = _day(ordered[0]), _day(ordered[-1])
    balances = trial(groups)
    parts = [f'option "title" "{_text(title)}"']
    parts += [
        f'option "operating_currency" "{currency}"'
        for currency in sorted({c for _, c in balances if c != GPU_SECOND})
    ]
    accounts: dict[str, list[str]] = {}
    for account, currency in balances:
        accounts.setdefault(account_name(account), []).append(_commodity(currency))
    parts += [f"{first} open {name} {','.join(held)}" for name, held in accounts.items()]
    parts += [_transaction(group) for group in ordered]
    day_after = last + timedelta(days=1)
    parts += [
        f"{day_after} balance {account_name(account)} {_number(value, currency)} {_commodity(currency)}"
        for (account, currency), value in balances.items()
    ]
    return "\n".join(parts) + "\n"


def _transaction(group: Group) -> str:
    lines = [f'{_day(group)} * "{_text(group.contract)}" "{_text(group.cause)}"']
    for posting in group.postings:
        value = f"{_number(posting.amount, group.currency)} {_commodity(group.currency)}"
        lines.append(f"  {account_name(posting.account)}  {value}")
    return "\n".join(lines)


def _day(group: Group) -> date:
    return group.at.date()


def _number(value: int, currency: str) -> str:
    return str(value) if currency == GPU_SECOND else amount(value, currency)


def _commodity(currency: str) -> str:
    return GPU_COMMODITY if currency == GPU_SECOND else currency


def _text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
