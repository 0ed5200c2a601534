"""The networks of chughtai2023, which multiply in a group: train, read, hold against the paper, write up."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from phasescope.errors import PhasescopeError
from phasescope.evidence.claim import Evidence
from phasescope.evidence.claims_file import claims_to_json
from phasescope.evidence.verdict import judge
from phasescope.progress import Progress
from phasescope.report.page import Page
from phasescope.report.terminal import print_claims
from phasescope.studies.chughtai2023_claims import (
    ARCHITECTURES,
    GROUPS,
    KNOWN_GROUPS,
    Architecture,
    claims_of,
)
from phasescope.studies.chughtai2023_figures import network_section, on_cosets
from phasescope.studies.chughtai2023_readings import Reading, read_run
from phasescope.studies.whole_page import write_whole
from phasescope.training.engine import train
from phasescope.training.ensemble import train_all
from phasescope.training.presets import chughtai2023
from phasescope.training.recipe import Recipe, ScheduleConfig
from phasescope.training.run import Run

SEEDS = (1, 2, 3, 4)
CHECKPOINTS = 200
"""Checkpoints of a run, whatever its length: enough to see in which order irreps are learnt."""

REFERENCES = {
    "A toy model of universality (Chughtai et al. 2023)": "https://arxiv.org/abs/2302.03025",
    "Grokking group multiplication with cosets (Stander et al. 2023)": "https://arxiv.org/abs/2312.06581",
    "Grokking: generalization beyond overfitting (Power et al. 2022)": "https://arxiv.org/abs/2201.02177",
}

Readings = Mapping[tuple[Architecture, str], Mapping[int, Reading]]
"""By architecture and group, what each seed's run says."""


@dataclass(frozen=True, eq=False)
class Reproduction:
    """What a reproduction came to.

    Args:
        readings: What every run says.
        evidence: Every claim with what was measured and its verdict.
        page: The report.
        seconds: Wall time of this call.
    """

    readings: Readings
    evidence: Sequence[Evidence]
    page: Path
    seconds: float


def recipe_of(architecture: Architecture, group: str, seed: int, steps: int | None = None) -> Recipe:
    """Return the recipe of one member: the preset, with as many checkpoints as the study needs.

    Example:
        >>> recipe_of("mlp", "S5", 1).schedule.checkpoint_every
        1250
    """
    recipe = chughtai2023(group, architecture, seed, steps)
    every = max(1, recipe.steps // CHECKPOINTS)
    schedule = ScheduleConfig(look_every=min(100, every), checkpoint_every=every)
    return recipe.model_copy(update={"schedule": schedule, "threads": 1})


def reproduce(
    groups: Sequence[str] = GROUPS,
    architectures: Sequence[Architecture] = ARCHITECTURES,
    seeds: Sequence[int] = SEEDS,
    steps: int | None = None,
    minutes: float | None = None,
    root: Path | str = "runs",
    *,
    show: bool = True,
) -> Reproduction:
    """Train every member, measure it, judge the claims and write the report.

    At its published length this takes about an hour a run on one core. What is finished is not trained
    again, and what was stopped goes on where it stopped, so the same call may be made as often as one likes.

    Args:
        groups: Groups the paper has numbers for.
        architectures: "mlp", "transformer" or both.
        seeds: Of weights and split.
        steps: Optimiser steps of each run; the published number, if left out.
        minutes: Train each run no longer than this in this call, one after the other; if left out, all to
            their end, one on each core. Claims are judged by finished runs alone.
        root: Folder of runs.
        show: Whether to print progress and the table of claims.

    Returns:
        Readings, evidence and the page; ``claims.json`` lies beside the page.

    Raises:
        PhasescopeError: If the paper has no numbers for a group.
    """
    began = time.monotonic()
    if unknown := [group for group in groups if group not in KNOWN_GROUPS]:
        raise PhasescopeError(
            f"chughtai2023 has the groups {', '.join(KNOWN_GROUPS)}; got {unknown[0]!r:.40}"
        )
    members = [(a, g, seed) for a in architectures for g in groups for seed in seeds]
    recipes = [recipe_of(a, g, seed, steps) for a, g, seed in members]
    if minutes is None:
        runs = train_all(recipes, root, show_progress=show)
    else:
        runs = [train(one, root, show_progress=show, max_seconds=60 * minutes) for one in recipes]
    readings: dict[tuple[Architecture, str], dict[int, Reading]] = {}
    for (architecture, group, seed), run in zip(members, runs, strict=True):
        readings.setdefault((architecture, group), {})[seed] = _read(run, show)
    evidence = judge_all(readings)
    page = _write(Path(root), readings, evidence, _command(groups, architectures, seeds, steps, minutes))
    seconds = time.monotonic() - began
    if show:
        print_claims(evidence)
        for (architecture, group), by_seed in readings.items():
            if said := on_cosets(by_seed):
                print(f"{group}, {architecture}: {said}")
        print(f"report: {page}\nwall time: {seconds / 60:.1f} minutes")
    return Reproduction(readings, evidence, page, seconds)


def judge_all(readings: Readings) -> list[Evidence]:
    """Hold every claim against the finished runs of its network.

    Args:
        readings: What every run says.

    Returns:
        Evidence in the order of the paper's table; a claim whose runs are not finished is not measured.
    """
    evidence = []
    for (architecture, group), by_seed in readings.items():
        for claim in claims_of(architecture, group):
            name = claim.quantity.split(":", 2)[2]
            found = {seed: one.quantity(name) for seed, one in by_seed.items() if one.is_finished}
            evidence.append(judge(claim, {seed: value for seed, value in found.items() if value is not None}))
    return evidence


def _read(run: Run, show: bool) -> Reading:
    shown = Progress(len(run.steps()), f"checkpoints of {run.folder.path.name}") if show else None
    with shown or nullcontext():
        return read_run(run, tick=lambda done, _: shown.update(done) if shown else None)


def _write(root: Path, readings: Readings, evidence: Sequence[Evidence], command: str) -> Path:
    """Write the page of all networks and the evidence as JSON."""
    every = [reading for by_seed in readings.values() for reading in by_seed.values()]
    n_finished = sum(reading.is_finished for reading in every)
    counts = Counter(one.verdict for one in evidence)
    page = Page(
        title="Networks that multiply in a group (chughtai2023), re-derived",
        summary=(
            f"{n_finished} of {len(every)} runs went to their end. Of {len(evidence)} claims "
            f"{counts['shown']} are shown, {counts['not shown']} not shown, {counts['refuted']} refuted."
        ),
        evidence=evidence,
        sections=[network_section(*key, by_seed) for key, by_seed in readings.items()],
        provenance=every[0].run.folder.read_provenance(),
        command=command,
        references=REFERENCES,
    )
    names = [f"{architecture}-{group}".lower() for architecture, group in readings]
    files = every[0].run.folder
    path = root / "-".join(["chughtai2023", *names])[:120] / files.report.name
    write_whole(page, path, {files.claims.name: claims_to_json(evidence).encode()})
    return path


def _command(
    groups: Sequence[str],
    architectures: Sequence[str],
    seeds: Sequence[int],
    steps: int | None,
    minutes: float | None,
) -> str:
    words = ["phasescope reproduce chughtai2023", f"--groups {','.join(groups)}"]
    words += [f"--architectures {','.join(architectures)}", f"--seeds {','.join(map(str, seeds))}"]
    words += [f"--steps {steps}"] if steps is not None else []
    words += [f"--minutes {minutes:g}"] if minutes is not None else []
    return " ".join(words)
