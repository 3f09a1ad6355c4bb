"""Parts of the report: numbers, readings, notation, cells."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from tests.report.conftest import PROVENANCE, write_records

from amlsynth.evaluation.records import CategoryCount, Figure, Measure, write_evaluation
from amlsynth.foundation.errors import UsageError
from amlsynth.report import current, drawing
from amlsynth.report.anchors import reading
from amlsynth.report.context import read_context
from amlsynth.report.crossref import resolve
from amlsynth.report.fallback import run_cells
from amlsynth.report.prose import rebuild
from amlsynth.report.sources import Cell, read_document
from amlsynth.report.survival_figures import _month_ticks
from amlsynth.report.text import (
    Column,
    Notes,
    block,
    count,
    escape,
    image,
    number,
    p_value,
    plain_number,
    table,
)

REPOSITORY = Path(__file__).resolve().parents[2]


def measure(
    better="higher", aspect="fidelity", synthetic=0.9, original=None, **anchors: float | None
) -> Measure:
    return Measure(
        id="m",
        label="M",
        aspect=aspect,
        better=better,
        description="",
        source="",
        original=None if original is None else Figure(value=original),
        figures={"synthetic": Figure(value=synthetic)},
        anchors={name: Figure(value=value) for name, value in anchors.items()},
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (measure(holdout=0.9, independent=0.5), "like the hold-out"),
        (measure(holdout=0.92, independent=0.5), "like the hold-out"),  # a twentieth of the way is chance
        (measure(holdout=0.95, independent=0.5), "between the hold-out and independent columns, nearer the"),
        (measure(holdout=0.99, independent=0.85), "nearer independent columns"),
        (measure(holdout=0.95, independent=0.9), "like independent columns"),
        (measure(holdout=0.98, independent=0.95), "worse than independent columns"),
        (measure(holdout=0.8, independent=0.85), "do as well, so it tells little"),
        (measure(holdout=None, independent=0.5), "better than independent columns"),
        (measure(holdout=0.95), "short of the hold-out"),
        (measure(holdout=0.8, independent=0.3, bootstrap=0.95), "nearer than the hold-out, as copies are"),
        (measure(holdout=0.8, independent=0.3, bootstrap=0.81), "nearer than the hold-out, as copies are"),
        (measure(holdout=0.8, independent=0.3, bootstrap=0.7), "better than the hold-out"),
        (measure("zero", "privacy", -0.004, holdout=0.01, bootstrap=0.3), "like the hold-out"),
        (measure("zero", "privacy", 0.282, holdout=0.01, bootstrap=0.3), "like bootstrap copies"),
        (measure("zero", "privacy", 0.02, holdout=-0.3, bootstrap=0.5), "less than the hold-out"),
        (measure("original", "survival", 17.0, 16.0, holdout=14.0, independent=30.0), "like the hold-out"),
        (measure("lower", holdout=0.1, independent=0.95), "like independent columns"),
        (measure("none", holdout=0.1), "for information"),
        (measure("zero", "validity", 0.0, independent=0.0), "as required"),
        (measure("zero", "validity", 1.0, independent=0.0), "not as required"),
        (measure("original", synthetic=1.0, holdout=1.0), "no anchor available"),
        (measure(synthetic=None, holdout=0.9), "not available"),
    ],
)
def test_reading_of_the_anchors(found, words):
    assert words in reading(found)


def test_noise_is_not_branded():
    ours, real = Figure(value=0.62, low=0.5, high=0.74), Figure(value=0.7, low=0.6, high=0.8)
    noisy = measure(independent=0.5).model_copy(
        update={
            "figures": {"synthetic": ours},
            "anchors": {"holdout": real, "independent": Figure(value=0.5)},
        }
    )
    assert reading(noisy) == "not told apart from the hold-out"


def test_numbers():
    assert number(-1234.567, 1) == "\u22121,234.6"
    assert number(-0.0004, 3) == "0.000"
    assert plain_number(1606.0) == "1,606"
    assert plain_number(0.0191571) == "0.01916"
    assert [p_value(p) for p in (1e-9, 0.00056, 0.0412, 1.0)] == [
        "\\<\u00a00.0001",
        "0.0006",
        "0.041",
        "1.000",
    ]


def test_counts_of_cells():
    plain = [CategoryCount(value="1", n=1339, share=0.834), CategoryCount(value="NA", n=9, share=0.01)]
    assert count(plain, "1") == "1,339 (83.4)"
    assert count(plain, "2") == "n/a"
    few_missing = [
        CategoryCount(value="1", n=8, share=0.0),
        CategoryCount(value="0", n=None, share=0.95),
        CategoryCount(value="NA", n=None),
    ]
    assert count(few_missing, "1") == "8"
    assert count(few_missing, "0") == "–"
    assert count(few_missing, "NA") == "–"


def test_notes_give_one_letter_for_one_reason():
    notes = Notes()
    assert notes.figure(Figure(reason="no events"), 1) == "n/a^a^"
    assert notes.figure(Figure(reason="no patients"), 1) == "n/a^b^"
    assert notes.p_value(Figure(reason="no events")) == "n/a^a^"
    assert notes.figure(Figure(value=7.2, low=6.5), 1) == "7.2 (6.5–\u2060not reached)"
    assert notes.lines() == ["^a^ No events.", "^b^ No patients."]


def test_escape_leaves_no_markup_and_one_line():
    assert escape("a|b\n*c* @fig-x") == "a\\|b \\*c\\* \\@fig\\-x"


def test_a_table_has_widths_a_label_and_a_note_on_hidden_cells():
    text = table([Column("A", 1, "left"), Column("B", 3)], [["x", "–"]], caption="C.", label="tbl-c")
    rule = text.splitlines()[3].strip("|").split("|")
    assert 2.9 < len(rule[1]) / len(rule[0]) < 3.1
    assert ": C. {#tbl-c}" in text
    assert "too few patients of the original" in text


@pytest.mark.parametrize(("longest", "last", "step"), [(187, 192, 24), (60, 72, 12), (7, 7, 1), (0, 1, 1)])
def test_ticks_reach_the_last_month(longest, last, step):
    ticks = _month_ticks(longest)
    assert ticks[0] == 0 and ticks[-1] >= longest
    assert ticks[1] - ticks[0] == step
    assert len(ticks) <= 9
    assert ticks[-1] == last or ticks[-1] == 60


def document(folder: Path, text: str) -> Path:
    path = folder / "report.qmd"
    path.write_text(text, encoding="utf-8")
    return path


def test_cells_run_in_order_in_one_namespace(tmp_path):
    text = (
        "---\nlang: en\n---\nbefore\n```{python}\n#| output: false\nx = 20\nprint('unseen')\n```\n"
        "```sh\nls\n```\n```{python}\n#| output: asis\nprint(x + 1)\n```\nafter\n"
    )
    found = read_document(document(tmp_path, text))
    assert found.metadata == {"lang": "en"}
    assert [part.number for part in found.parts if isinstance(part, Cell)] == [1, 2]
    assert run_cells(found).split() == ["before", "```sh", "ls", "```", "21", "after"]


def test_a_cell_that_is_not_closed(tmp_path):
    with pytest.raises(UsageError, match="not closed"):
        read_document(document(tmp_path, "```{python}\n1\n"))


def test_a_cell_with_another_output(tmp_path):
    with pytest.raises(UsageError, match="cell 1: the option output"):
        run_cells(read_document(document(tmp_path, "```{python}\nprint(1)\n```\n")))


def citation(identifier):
    return {"t": "Para", "c": [{"t": "Cite", "c": [[{"citationId": identifier}], []]}]}


def test_a_reference_to_nothing():
    with pytest.raises(UsageError, match="@fig-none"):
        resolve({"blocks": [citation("fig-none")]}, "html")


def test_first_words_that_typst_would_take_for_markup_are_escaped():
    def plain(word):
        return {"t": "Plain", "c": [{"t": "Str", "c": word}, {"t": "Space"}, {"t": "Str", "c": "0"}]}

    tree = {"blocks": [plain("="), plain("1."), plain("−"), plain("=x")]}
    first = [block["c"][0]["c"] for block in resolve(tree, "typst")["blocks"]]
    assert first == [["typst", "\\="], ["typst", "1\\."], "−", "=x"]
    assert resolve(tree, "html")["blocks"][0] == plain("=")


def test_cells_without_a_report_say_how_to_get_one(monkeypatch):
    monkeypatch.delenv("AMLSYNTH_REPORT_DATA", raising=False)
    with pytest.raises(UsageError, match="AMLSYNTH_REPORT_DATA"):
        current()


def test_cells_find_the_data_that_quarto_was_started_with(release, monkeypatch):
    monkeypatch.setenv("AMLSYNTH_REPORT_DATA", str(release))
    monkeypatch.setenv("AMLSYNTH_REPORT_FOOTER", "Rendered by Quarto 1.7.")
    assert current().context.gates is not None
    assert "Rendered by Quarto 1.7." in current().footer()


def test_importing_the_package_draws_nothing_in():
    import subprocess
    import sys

    code = (
        "import amlsynth.report, sys; print({'matplotlib', 'pypandoc', 'typst', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def _light(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_colour_of_the_figures_can_be_seen_on_white():
    drawn = (drawing.ORIGINAL, drawing.HOLDOUT, drawing.INDEPENDENT, drawing.BOOTSTRAP, *drawing.SYNTHETICS)
    colours = {style.colour for style in drawn} | {drawing.INK, drawing.MUTED}
    assert _light("#ffffff") == pytest.approx(1)
    assert {
        colour: 1.05 / (_light(colour) + 0.05) for colour in colours if 1.05 / (_light(colour) + 0.05) < 4.5
    } == {}


def test_the_version_for_phones_stands_beside_the_wide_one():
    both = image("figures/a.svg", "A caption.", "fig-a", 'What "it" shows.', "figures/a-narrow.svg")
    assert '<img src="figures/a-narrow.svg" alt="What &#x27;it&#x27; shows.">' in both
    assert "![A caption.](figures/a.svg){#fig-a fig-alt=\"What 'it' shows.\"}" in both
    assert "only-narrow" not in image("figures/a.svg", "A caption.", "fig-a", "It.")


def test_blocks_stand_in_a_div_and_in_a_function_of_typst():
    text = block("notice", "Words.", kind="alarm")
    assert text.index('#notice("alarm")[') < text.index("::: {.notice .notice-alarm}") < text.index("Words.")
    assert text.rstrip().endswith("```{=typst}\n]\n```")


@pytest.mark.parametrize(
    ("generator", "extras"),
    [
        ("private", "generate,private,publish,report"),
        ("nflow", "generate,neural,publish,report"),
        ("event-history", "generate,publish,report"),
        (None, "generate,report"),
    ],
)
def test_the_commands_that_rebuild_name_every_extra(evaluation, gates, tmp_path, generator, extras):
    if generator:
        write_records(tmp_path, evaluation, gates, PROVENANCE | {"generator": {"name": generator}})
    else:
        write_evaluation(evaluation, tmp_path / "evaluation.json")
    line = f"pip install '.[{extras}]'  # in a clone of amlsynth 0.1.0"
    assert rebuild(read_context(tmp_path)).splitlines()[1] == line
    known = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(extras.split(",")) <= set(known["project"]["optional-dependencies"])
