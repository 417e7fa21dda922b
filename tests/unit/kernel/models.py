"""A deliberately naive model of a step function: one number for each second, and one for ever after."""

from hypothesis import strategies as st

from schemas.kernel.schedule import Schedule

HORIZON = 24
Model = tuple[int, ...]  # HORIZON values and the one that holds from then on

models = st.lists(st.integers(0, 3), min_size=HORIZON + 1, max_size=HORIZON + 1).map(tuple)
seconds_near = st.integers(-3, HORIZON + 5)


def schedule_of(model: Model) -> Schedule:
    """The Schedule that a model means, given in the crudest steps: one a second, zeros too."""
    steps: list[tuple[int, int | None, int]] = [(t, t + 1, model[t]) for t in range(HORIZON)]
    return Schedule.from_raw([*steps, (HORIZON, None, model[HORIZON])])


def value(model: Model, t: int) -> int:
    return 0 if t < 0 else model[min(t, HORIZON)]


schedules = models.map(schedule_of)
