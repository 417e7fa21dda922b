"""Boards of settlement: what is owed, why, what came of it in the books."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cli.boards.drawing import PAST, PROMISED, SPARE, heading, minor, money, number, when
from cli.boards.sheet import Bar, Sheet

BALANCE = ("open", "due", "overdue", "disputed", "unapplied", "prepaid_left", "late_interest")


def statement(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `settlement.statement`, line by line."""
    columns = ("kind", "charge", "service", "quantity", ">rate", "corrects")
    drawn = Sheet(">line", *columns, f">{answer['currency']}", ">tax")
    for line in answer["lines"]:
        quantity = f"{number(line['quantity'])} {line['unit']}" if line["quantity"] else ""
        service = f"{when(line['service']['start'])} to {when(line['service']['end'])}"
        cells = (
            line["kind"],
            line["charge"] or "",
            service,
            quantity,
            line["rate"] or "",
            line["corrects"] or "",
        )
        drawn.row(str(line["line"]), *cells, money(line["amount"]), _unless_nil(line["tax"]))
    drawn.section()
    _sum_row(drawn, "net", answer["net"])
    for tax in answer["taxes"]:
        told = f"tax {tax['category']} {tax['rate_percent']} % of {money(tax['base'])}"
        _sum_row(drawn, told, tax["amount"])
    drawn.row("", "total", "", "", "", "", "", Text(money(answer["total"]), "bold"), "")
    return Group(_statement_heading(answer), drawn, *_not_known(answer))


def _sum_row(drawn: Sheet, name: str, amount: str) -> None:
    drawn.row("", name, "", "", "", "", "", money(amount), "")


def _statement_heading(answer: Mapping[str, Any]) -> Text:
    start, end = (when(answer["interval"][key]) for key in ("start", "end"))
    told = [f"{start} to {end}", f"rulebook {answer['rulebook']}"]
    if "issued_at" in answer:
        told.append(f"issued {when(answer['issued_at'])}, due {when(answer['due_at'])}")
        return heading(f"Statement {answer['statement']}", *told)
    return heading(f"Preview of {answer['statement']}", *told)


def _not_known(answer: Mapping[str, Any]) -> Iterable[Text]:
    if answer["provisional"]:
        yield Text("provisional: not everything that it rests on was known yet", "yellow")
    for one in answer["undetermined"]:
        span = f"{when(one['start'])} to {when(one['end'])}"
        yield Text(f"not known yet: {one['charge']}, {span}", "yellow")


def explanation(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `settlement.explain`: the formula, the clauses, the facts, and who said so."""
    service = f"{when(answer['service']['start'])} to {when(answer['service']['end'])}"
    what = " ".join(part for part in (answer["kind"], answer["charge"]) if part)
    title = f"Why line {answer['line']} of {answer['statement']} is {money(answer['amount'])}"
    drawn, tokens = Sheet("", "what", "true from", "learnt", "by", "event"), list[str]()
    for one in answer["clauses"]:
        clause = f"{_short(one['type'])} v{one['version']}"
        drawn.row("clause", clause, when(one["effective_at"]), "", one["sender"], _which(one, tokens))
    for one in answer["facts"]:
        drawn.row("fact", _fact(one), "", when(one["recorded_at"]), one["sender"], _which(one, tokens))
    opened = [
        Text(f"[{number}] {token}", "dim", overflow="fold") for number, token in enumerate(tokens, start=1)
    ]
    told: list[RenderableType] = [heading(title), Text(f"{what}, {service}"), Text(f"= {answer['formula']}")]
    if answer["corrects"]:
        told.append(Text(f"corrects {answer['corrects']}"))
    return Group(*told, drawn, *opened)


def _which(one: Mapping[str, Any], tokens: list[str]) -> str:
    """What opens an event: its id for operations; for a party a token, which is told below the table."""
    if one.get("event"):
        return str(one["event"])
    if one["token"] not in tokens:
        tokens.append(one["token"])
    return f"[{tokens.index(one['token']) + 1}]"


def _fact(fact: Mapping[str, Any]) -> str:
    if "type" in fact:
        return _short(fact["type"])
    unit = "GPU-seconds" if fact["meter"] == "gpu" else fact["meter"]
    return f"report {fact['report']}: {number(fact['quantity'])} {unit}"


def _short(type_: str) -> str:
    return type_.split(".")[1]


def balance(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `settlement.balance` of a contract, or of all accounts of a tenant."""
    drawn = Sheet("", "", *(f">{name.replace('_', ' ')}" for name in BALANCE))
    if "contract" in answer:
        drawn.row(answer["contract"], answer["currency"], *_balance(answer))
        return Group(heading("Balance"), drawn)
    for one in answer["contracts"]:
        drawn.row(one["contract"], one["currency"], *_balance(one))
    drawn.section()
    for total in answer["totals"]:
        drawn.row("all", total["currency"], *_balance(total))
    return Group(heading(f"Balances of {answer['tenant']}"), drawn)


def _balance(one: Mapping[str, Any]) -> Iterable[Text | str]:
    for name in BALANCE:
        nil = not minor(one[name])
        yield "" if nil else Text(money(one[name]), "bold red" if name == "overdue" else "")


def _unless_nil(amount: str) -> str:
    return money(amount) if minor(amount) else ""


def journal(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `settlement.journal`: every group of postings, and the trial balance."""
    drawn = Sheet("day", "contract", "cause", "account", ">amount", "")
    for group in answer["groups"]:
        head = [when(group["at"]), group["contract"] or "", group["cause"]]
        for posting in group["postings"]:
            drawn.row(*head, posting["account"], money(posting["amount"]), _commodity(posting))
            head = ["", "", ""]
    trial = Sheet("account", ">balance", "")
    for one in answer["trial"]:
        trial.row(one["account"], money(one["balance"]), one["currency"])
    return Group(heading("Journal"), drawn, Text(), heading("Trial balance"), trial)


def _commodity(posting: Mapping[str, Any]) -> str:
    original: Mapping[str, str] | None = posting["original"]
    booked = str(posting["currency"])
    return booked if original is None else f"{booked} for {money(original['amount'])} {original['currency']}"


def commitments(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `settlement.commitments`: how minimums and prepayments burn down, against an even plan."""
    boards: list[RenderableType] = []
    if answer["minimums"]:
        columns = (">floor", ">covered", ">remaining", ">planned by now", ">made up", "")
        drawn = Sheet("minimum", "from", "to", *columns)
        for one in answer["minimums"]:
            cells = (money(one[key]) for key in ("floor", "covered", "remaining", "planned", "made_up"))
            span = (when(one["period"]["start"]), when(one["period"]["end"]))
            size = _burnt(one["covered"], one["remaining"], one["floor"])
            drawn.row(one["charge"], *span, *cells, size)
        boards.append(drawn)
    if answer["prepayments"]:
        names = (">amount", ">drawn", ">expired", ">left", ">planned by now", "expires", "")
        drawn = Sheet("prepayment", *names)
        for one in answer["prepayments"]:
            cells = (money(one[key]) for key in ("amount", "drawn", "expired", "left", "planned"))
            size = _burnt(one["drawn"], one["left"], one["amount"])
            expires = "exhausted" if one["exhausted"] else when(one["expires"])
            drawn.row(one["charge"], *cells, expires, size)
        boards.append(drawn)
    told = answer["currency"] if boards else "neither minimums nor prepayments"
    return Group(heading(f"Burn-down of {answer['contract']}", told), *boards)


def _burnt(done: str, left: str, whole: str) -> Bar:
    return Bar(((min(minor(done), minor(whole)), PAST), (minor(left), SPARE)), minor(whole), 20)


def revenue(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `settlement.revenue`: what was earned, against what was billed, and what is to come."""
    drawn = Sheet("from", "to", ">recognised", ">deferred", ">unbilled", "")
    peak = max([minor(one["recognised"]) for one in answer["intervals"]] + [1])
    for one in answer["intervals"]:
        span = (when(one["interval"]["start"]), when(one["interval"]["end"]))
        cells = (money(one["recognised"]), _unless_nil(one["deferred"]), _unless_nil(one["unbilled"]))
        drawn.row(*span, *cells, Bar(((minor(one["recognised"]), PROMISED),), peak))
    later = Sheet("from", "to", ">amount", "")
    most = max([minor(one["amount"]) for one in answer["remaining"]] + [1])
    for one in answer["remaining"]:
        size = Bar(((minor(one["amount"]), SPARE),), most)
        later.row(when(one["start"]), when(one["end"]), money(one["amount"]), size)
    title = heading(f"Revenue of {answer['contract']}")
    return Group(title, drawn, Text(), heading("Still to be recognised"), later)


def margin(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `settlement.margin`: what was earned, what it cost, and what is left of it."""
    drawn = Sheet("", "what", ">own amount", f">{answer['currency']}")
    for one in answer["contracts"]:
        drawn.row(
            "earned", one["contract"], f"{money(one['earned'])} {one['currency']}", money(one["amount"])
        )
    for one in answer["bought"]:
        drawn.row(
            "bought", one["contract"], f"{money(one['earned'])} {one['currency']}", money(one["amount"])
        )
    for one in answer["costs"]:
        what = f"{one['what']} of {one['pool']}"
        drawn.row("cost", what, f"{money(one['recorded'])} {one['currency']}", money(one["amount"]))
    drawn.section()
    for name in ("revenue", "cost", "margin"):
        drawn.row("", name, "", money(answer[name]))
    told = [f"{when(answer['start'])} to {when(answer['end'])}"]
    told += [
        f"{answer[key]} % of {name}"
        for key, name in (("margin_percent", "revenue"), ("return_percent", "cost"))
        if answer[key] is not None
    ]
    told += [f"{number(answer['gpu_seconds'])} GPU-seconds committed"]
    return Group(heading(f"Margin of {answer.get('pool') or answer['tenant']}", *told), drawn)


def netting(answer: Mapping[str, Any]) -> RenderableType:
    """Draw `settlement.netting`: what each pays or gets, and the payments that settle it."""
    net = Sheet("party", ">net", "")
    for party, amount in answer["net"].items():
        net.row(party, money(amount), "gets" if minor(amount) > 0 else "pays" if minor(amount) else "")
    paid = Sheet("from", "to", ">amount")
    for one in answer["payments"]:
        paid.row(one["from"], one["to"], money(one["amount"]))
    return Group(heading("Netting"), net, Text(), heading("Payments"), paid)
