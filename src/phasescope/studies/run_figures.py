"""The sections of a run's page: training, weights, activations, and what breaks without a part."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from phasescope.algebra.fourier import frequencies
from phasescope.measures.context import Context
from phasescope.phases.series import Series
from phasescope.report.figures.ablations import ablation_bars
from phasescope.report.figures.fourier import fourier_over_training
from phasescope.report.figures.losses import loss_curves
from phasescope.report.figures.operation_table import operation_table as operation_table_figure
from phasescope.report.figures.progress import Panel, progress_measures
from phasescope.report.page import Plate, Section
from phasescope.studies.network_figures import (
    attention_plates,
    circle_plates,
    fourier_norm_plates,
    logit_plates,
    neuron_map_plates,
    neuron_plates,
)
from phasescope.studies.run_reading import Reading
from phasescope.tasks.table_text import operation_table

SeriesByName = Mapping[str, Series]


def run_sections(reading: Reading, published: Mapping[str, float]) -> list[Section]:
    """Draw a run of any kind: what its task or its network does not have is left out.

    Args:
        reading: What was read off the run.
        published: Losses after ablations to draw beside the measured ones, by the ablation's name; empty
            where nothing is published about the run.

    Returns:
        The sections that have a figure, in the order of nanda2023's sections 5 and 4.
    """
    context = reading.context
    keys = ", ".join(map(str, reading.keys))
    sections = [
        _training(reading),
        Section(
            f"The weights: key frequencies {keys}" if keys else "The weights",
            "The embedding W_E and the neuron-to-logit map W_L, transformed along the residues.",
            [*fourier_norm_plates(context), *circle_plates(context, reading.keys)],
        ),
        Section("The activations", plates=_activations(context, reading.keys)),
        _ablations(context, reading.ablations, published),
        Section(
            "What it was trained on",
            plates=[
                Plate(
                    "operation-table",
                    operation_table_figure(operation_table(context.task, context.split)),
                    "The operation table, held-out pairs left blank",
                    "What the network was shown. The blanks are what it has to find.",
                )
            ],
        ),
    ]
    return [section for section in sections if section.plates]


def _training(reading: Reading) -> Section:
    """What happens over training: losses, progress measures, the frequencies of the embedding."""
    series, phases = reading.series, reading.phases
    chance = math.log(reading.context.model.shape.d_vocab_out)
    boundaries = "; ".join(
        f"{stretch.name} ends at {boundary}"
        for stretch, boundary in zip(phases.stretches, phases.boundaries, strict=False)
    )
    found = f": {', '.join(phases.names)}" if phases.names else ""
    plates = [
        Plate(
            "losses",
            loss_curves(series["train_loss"], series.get("test_loss"), phases, chance=chance),
            "Train and test loss over training steps on a log axis, phases shaded",
            "Both losses on one log axis; the tints are the phases that the rules find, if any.",
        ),
        Plate(
            "progress-measures",
            progress_measures(_panels(series), phases, title=_progress_finding(reading)),
            "Restricted and excluded loss, Gini coefficients and sum of squared weights over training",
            "Restricted loss keeps only the key frequencies of the logits, excluded loss removes them."
            if "restricted_loss" in series
            else "",
        ),
    ]
    if reading.context.inputs.p is not None:
        plates.append(
            Plate(
                "fourier-over-training",
                _fourier_over_training(series, reading.context.p, reading.keys),
                "Heat map of the norm of each frequency of W_E over training",
                "Which frequencies the embedding uses, step by step.",
            )
        )
    return Section(
        f"Training{found}",
        f"Boundaries are found by stated rules, with the interval in brackets: {boundaries or 'none found'}.",
        plates,
    )


def _progress_finding(reading: Reading) -> str:
    """Say what progress measures show only where they show it."""
    if "circuit formation" in reading.phases.names and "restricted_loss" in reading.series:
        return "The circuit forms long before the test loss falls"
    return "Measures over training"


def _activations(context: Context, keys: Sequence[int]) -> list[Plate]:
    """Where heads look, what neurons and logits answer to."""
    neurons = neuron_map_plates(context, keys) if keys else []
    return [*attention_plates(context), *neurons, *neuron_plates(context), *logit_plates(context)]


def _ablations(context: Context, losses: Mapping[str, float], published: Mapping[str, float]) -> Section:
    """What each intervention does to the loss."""
    beside = ", beside the published value" if published else ""
    if not losses:
        return Section("Taking parts away")
    figure = ablation_bars(losses, float(context.pair_losses.mean()), published=published)
    return Section(
        "Taking parts away",
        f"Loss over all pairs after each intervention on the final network{beside}.",
        [Plate("ablations", figure, "Loss after each ablation beside the loss of the untouched network")],
    )


def _panels(series: SeriesByName) -> Sequence[Panel]:
    """The progress measures of nanda2023's section 5 that the run has, in the order that tells the story."""
    losses = {
        "train": "train_loss",
        "test": "test_loss",
        "restricted": "restricted_loss",
        "excluded": "excluded_loss_all_keys",
    }
    ginis = {"W_E": "gini_W_E", "W_L": "gini_W_L"}
    squares = {"all weights": "sum_squared_weights"}
    panels = [
        Panel("loss (nats)", _present(series, losses), "log"),
        Panel("Gini coefficient", _present(series, ginis)),
        Panel("sum of squares", _present(series, squares)),
    ]
    return [panel for panel in panels if panel.curves]


def _present(series: SeriesByName, named: Mapping[str, str]) -> SeriesByName:
    return {label: series[name] for label, name in named.items() if name in series}


def _fourier_over_training(series: SeriesByName, p: int, keys: Sequence[int]) -> Figure:
    columns = [series[f"fourier_norm_W_E.{k}"] for k in frequencies(p)]
    norms = np.stack([column.values for column in columns], axis=1)
    return fourier_over_training(columns[0].steps, norms, keys)
