"""What contracts can be asked; answered by folding the contracts concerned, at what was known."""

from infra.service import Ask
from schemas import contracts
from services.contracts.reads.book import commitments, concentration, obligations, remaining
from services.contracts.reads.exposures import exposure
from services.contracts.reads.history import history
from services.contracts.reads.single import status, terms

SCOPE = "contracts:read"

ASKS: tuple[Ask, ...] = (
    Ask(
        name="contracts.terms",
        question=contracts.TermsQuestion,
        answer=terms,
        path="/contracts/{contract}/terms",
        scope=SCOPE,
    ),
    Ask(
        name="contracts.status",
        question=contracts.StatusQuestion,
        answer=status,
        path="/contracts/{contract}/status",
        scope=SCOPE,
    ),
    Ask(
        name="contracts.exposure",
        question=contracts.ExposureQuestion,
        answer=exposure,
        path="/contracts/{contract}/exposure",
        scope=SCOPE,
    ),
    Ask(
        name="contracts.history",
        question=contracts.HistoryQuestion,
        answer=history,
        path="/contracts/{contract}/history",
        scope=SCOPE,
    ),
    Ask(
        name="contracts.commitments",
        question=contracts.CommitmentsQuestion,
        answer=commitments,
        path="/tenants/{tenant}/commitments",
        scope=SCOPE,
    ),
    Ask(
        name="contracts.obligations",
        question=contracts.ObligationsQuestion,
        answer=obligations,
        path="/tenants/{tenant}/obligations",
        scope=SCOPE,
    ),
    Ask(
        name="contracts.remaining",
        question=contracts.RemainingQuestion,
        answer=remaining,
        path="/tenants/{tenant}/remaining",
        scope=SCOPE,
    ),
    Ask(
        name="contracts.concentration",
        question=contracts.ConcentrationQuestion,
        answer=concentration,
        path="/tenants/{tenant}/concentration",
        scope=SCOPE,
    ),
)
