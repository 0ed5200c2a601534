"""A guard against refusing everything: good recipes of every kind are accepted, and name their run."""

import itertools
import random
import tomllib

from phasescope.training.presets import PRESETS
from phasescope.training.recipe import Recipe

# good values for flags of the tiny recipe; any mixture of them is a good recipe
CHOICES = {
    "--name": ["tiny", "a.b+c-d_e", "7"],
    "--steps": ["20", "1_000", "100000000"],
    "--seed": ["0", "4294967295"],
    "--dtype": ["float32", "float64"],
    "--loss-dtype": ["float64", "float32"],
    "--batch-size": ["1", "20", "null"],
    "--forward": ["auto", "plain"],
    "--threads": ["0", "2"],
    "--task.p": ["7", "8", "13"],
    "--task.operation": ["a+b", "a*b", "a/b", "a-b", "a^2+a*b+b^2"],
    "--task.labels": ["true", "random"],
    "--task.layout": ["a b =", "a b", "a o b ="],
    "--split.kind": ["nanda2023", "chughtai2023", "power2022", "phasescope"],
    "--split.fraction": [".5", "0.7", "7e-1"],
    "--model.n-layers": ["1", "4"],
    "--model.activation": ["relu", "gelu", "quadratic", "absolute"],
    "--model.normalization": ["none", "pre", "post"],
    "--model.causal": ["true", "false"],
    "--model.softmax-share": ["0", "0.5", "1"],
    "--model.output": ["vocabulary", "answers"],
    "--optimiser.kind": ["adamw", "adam", "sgd"],
    "--optimiser.weight-decay": ["0", "1", "5e-324"],
    "--optimiser.learning-rate": ["1e-3", "0.1"],
    "--optimiser.warmup-steps": ["0", "20"],
    "--schedule.checkpoint-every": ["1", "100"],
    "--stop.when": ["never", "cleaned_up", "plateau"],
}


def mixtures(n: int) -> list[list[str]]:
    """Random mixtures of good values, a few flags each."""
    rng = random.Random(0)
    return [
        list(
            itertools.chain(*((flag, rng.choice(CHOICES[flag])) for flag in rng.sample(sorted(CHOICES), k=5)))
        )
        for _ in range(n)
    ]


def test_good_recipes_are_accepted_and_make_nothing(many, tmp_path, tiny):
    words = [["train", str(tiny), *flags, "--dry-run"] for flags in mixtures(150)]
    words += [["train", preset, "--dry-run"] for preset in PRESETS]
    table = "[[0, 1, 2], [1, null, 0], [2, 0, 1]]"
    words += [["train", str(tiny), "--task.kind", "table", "--task.table", table, "--dry-run"]]
    words += [["train", "nanda2023", f"--{flag}", value, "--dry-run"] for flag, value in GOOD_WORDS]
    answers, slow, _ = many(words, tmp_path)
    refused = [
        (w, a.err)
        for w, a in zip(words, answers, strict=True)
        if (a.status, a.err, len(a.out.split())) != (0, "", 2)
    ]
    assert refused == []
    assert slow == []
    assert list(tmp_path.iterdir()) == [tiny]


GOOD_WORDS = [
    ("seed", "3"),
    ("seed=3", "--quiet"),
    ("optimiser.weight_decay", "0.3"),
    ("task", "a*b in S4"),
    ("task", "x + y mod 31"),
    ("split", "all"),
    ("split", "chughtai2023:598:0.3"),
]


def test_a_dry_run_says_the_digest_that_names_the_run(cli, tiny, tiny_toml):
    answer = cli("train", tiny, "--dry-run", "--root", "elsewhere")
    recipe = Recipe.from_data(tomllib.loads(tiny_toml))
    assert answer.out.split() == [f"elsewhere/tiny-{recipe.digest[:8]}", recipe.digest]


def test_flags_mean_what_the_recipe_says(cli, tiny):
    as_flag = cli("train", tiny, "--optimiser.weight-decay", "0.3", "--steps", "500", "--dry-run")
    tiny.write_text(
        tiny.read_text().replace("steps = 20", "steps = 500") + "\n[optimiser]\nweight_decay = 0.3\n"
    )
    assert cli("train", tiny, "--dry-run").out == as_flag.out


def test_a_presets_seed_moves_weights_and_split_together(cli):
    by_preset = cli("train", "nanda2023", "--seed", "3", "--dry-run").out.split()[1]
    assert by_preset == PRESETS["nanda2023"](seed=3).digest


def test_a_run_is_trained_again_from_its_own_recipe(cli, tmp_path):
    recipe = PRESETS["zhong2023"]()
    (tmp_path / "recipe.json").write_text(recipe.canonical_json())
    assert cli("train", "recipe.json", "--dry-run").out.split()[1] == recipe.digest


def test_another_kind_of_network_starts_from_that_kinds_defaults(cli):
    words = ("train", "nanda2023", "--model.d-hidden", "64", "--model.kind", "embedding_mlp", "--dry-run")
    answer = cli(*words)
    expected = PRESETS["nanda2023"]().model_dump(mode="json")
    expected["model"] = {"kind": "embedding_mlp", "d_hidden": 64}
    assert answer.out.split()[1] == Recipe.from_data(expected).digest


def test_another_shuffle_keeps_seed_and_fraction_and_a_stream_does_not(cli):
    moved = cli("train", "nanda2023", "--seed", "3", "--split.kind", "phasescope", "--dry-run")
    expected = PRESETS["nanda2023"](seed=3).model_dump(mode="json")
    expected["split"]["kind"] = "phasescope"
    assert moved.out.split()[1] == Recipe.from_data(expected).digest
    drawn = cli("train", "predecessor", "--split.kind", "drawn", "--split.n-train", "200", "--dry-run")
    expected = PRESETS["predecessor"]().model_dump(mode="json")
    expected["split"] = {"kind": "drawn", "n_train": 200}
    assert drawn.out.split()[1] == Recipe.from_data(expected).digest
