"""What a page shows of networks that multiply in a group: irreps, cosets, and the verdict on each seed."""

from collections import Counter
from collections.abc import Mapping

from phasescope.circuits.hypothesis import Judgement
from phasescope.evidence.interval import student_interval
from phasescope.phases.series import Series
from phasescope.report.figures.irreps import irreps_over_training
from phasescope.report.numbers import compact
from phasescope.report.page import Plate, Section
from phasescope.report.table import Table
from phasescope.studies.chughtai2023_readings import Reading
from phasescope.studies.output_layer import output_layer


def network_section(architecture: str, group: str, readings: Mapping[int, Reading]) -> Section:
    """Draw and tabulate one group and architecture over its seeds; the figures are of the first.

    Args:
        architecture: "mlp" or "transformer".
        group: Name of the group.
        readings: What each seed's run says.

    Returns:
        The section.
    """
    first = next(iter(readings.values()))
    seed = first.run.recipe.seed
    name = f"{architecture}-{group.lower()}"
    plates = [
        Plate(
            f"{name}-irreps",
            irreps_over_training(
                first.similarities,
                [*first.order, *(k for k in first.context.key_irreps if k not in first.order)],
                Series.of(*first.run.metrics()["test_accuracy"]),
            ),
            f"Similarity of the logits to the character of each irrep over training, {group}, {architecture}",
            f"Seed {seed}. An irrep counts as learnt from a similarity of 0.05 on.",
        ),
        *output_layer(name, first.context),
    ]
    return Section(
        f"{group}, {architecture}",
        f"{len(readings)} seeds. What is not finished is shown as it stands, and no claim is judged by it. "
        + on_cosets(readings),
        plates,
        tables=[_of_seeds(readings), *_verdicts(readings)],
    )


def on_cosets(readings: Mapping[int, Reading]) -> str:
    """Say how much of what neurons see keeps to cosets beyond chance, and how the seeds' verdicts fall.

    Args:
        readings: What each seed's run says.

    Returns:
        Sentences with the mean, its 95 % interval and the number of seeds; empty with fewer than two.
    """
    shares = [one.quantity("measure:coset_concentrated_share") for one in readings.values()]
    found = [share for share in shares if share is not None]
    if len(found) < 2:
        return ""
    over = student_interval(found)
    counts = Counter(
        (name, judgement.verdict) for one in readings.values() for name, judgement in one.judgements.items()
    )
    verdicts = ", ".join(f"{name} {verdict} in {n}" for (name, verdict), n in counts.items())
    said = (
        f"Of what their neurons see, {over.centre:.1%} keeps to cosets as random matrix elements of the same"
        f" irreps do not (95 % interval {over.low:.1%} to {over.high:.1%}, n = {over.n}); half is the bound "
        "between the two hypotheses."
    )
    return f"{said} Verdicts: {verdicts}." if verdicts else said


def _of_seeds(readings: Mapping[int, Reading]) -> Table:
    """How far each seed went, and which irreps it learnt in which order."""
    rows = [
        (
            str(seed),
            f"{reading.step:,} of {reading.run.recipe.steps:,}",
            f"{_number(reading, 'accuracy'):.1%}",
            compact(_number(reading, "test_loss")),
            ", ".join(f"{name} ({step:,})" for name, step in reading.order.items()) or "none",
        )
        for seed, reading in readings.items()
    ]
    columns = ("seed", "steps", "accuracy", "test loss", "irreps as they were learnt (step)")
    return Table(columns, rows, columns[:4], "How far each seed went")


def _verdicts(readings: Mapping[int, Reading]) -> list[Table]:
    """The verdict on each hypothesis by seed, and every finding of the first seed."""
    first = next(iter(readings.values()))
    if not first.judgements:
        return []
    names = list(first.judgements)
    rows = [
        (str(seed), *(reading.judgements[name].verdict for name in names))
        for seed, reading in readings.items()
    ]
    return [
        Table(("seed", *names), rows, ("seed",), "Representation or coset"),
        *(_findings(judgement) for judgement in first.judgements.values()),
    ]


def _findings(judgement: Judgement) -> Table:
    rows = [
        (
            finding.quantity,
            "–" if finding.value is None else compact(finding.value),
            f"{finding.wants} {compact(finding.threshold)}",
            {True: "for", False: "against", None: "not measured"}[finding.supports],
        )
        for finding in judgement.findings
    ]
    title = f"{judgement.hypothesis}, first seed: {judgement.statement}"
    return Table(("what is measured", "value", "wanted", "speaks"), rows, ("value",), title)


def _number(reading: Reading, name: str) -> float:
    value = reading.measured.get(name, float("nan"))
    assert isinstance(value, float), f"{name} is one number"
    return value
