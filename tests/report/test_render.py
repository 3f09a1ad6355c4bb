"""The whole report: complete, self-contained, the same bytes each time, and clear about bad input."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from pathlib import Path

import pytest

from amlsynth.evaluation.records import Evaluation, write_evaluation
from amlsynth.foundation.errors import DataError, MissingExtraError, UsageError
from amlsynth.report import cells, render_report

SECTIONS = (
    "Decision",
    "How to read this report",
    "Baseline characteristics",
    "Outcomes and survival",
    "Genetic alterations",
    "Effects of markers",
    "Fidelity",
    "Privacy",
    "Gates",
    "Limits of use",
    "Appendix",
    "Training part and hold-out",
    "Missing values",
    "The measures",
    "Glossary",
    "Provenance",
    "How to cite and to rebuild",
    "References",
)


def test_every_section_is_there(page):
    places = [page.text.index(section) for section in SECTIONS]
    assert places == sorted(places)


def test_every_measure_is_shown_with_its_meaning_and_source(page, evaluation):
    for measure in evaluation.measures:
        assert measure.label in page.text
        assert f"({measure.id})" in page.text
        assert measure.description in page.text
    assert "0.91" in page.text  # the synthetic figure of bsm
    assert "1,606" in page.text
    assert "< 0.0001" in page.text


def test_every_group_of_measures_has_a_table_of_its_own(page, evaluation):
    groups = {(m.aspect, m.group) for m in evaluation.measures if m.group}
    names = {f"tbl-{aspect}-{group.replace(' ', '-')}" for aspect, group in groups}
    assert len(names) > 3 and names <= set(page.ids)


def test_every_alteration_is_in_a_table_and_in_a_text_of_a_figure(page, dictionary):
    alts = " ".join(attributes.get("alt", "") for tag, attributes in page.elements if tag == "img")
    for variable in dictionary.alterations:
        assert variable.label in page.text
        assert f"{variable.label}:" in alts


def test_a_figure_without_a_value_is_not_available_with_its_reason(page):
    assert "Nobody_was followed up." in page.text
    assert "The median is not reached: the curve stays above one half." in page.text
    assert "not available" in page.text  # the reading of the measure


def test_held_back_cells_are_a_dash_that_a_note_explains(page):
    assert "–: not shown, since too few patients of the original" in page.text
    assert "77 (≈ 32)" in page.text
    assert not re.search(r"– \(", page.text)


def test_a_simulated_original_is_told_of_on_the_first_page(page):
    said = page.text.index("The original is simulated and holds no patient")
    assert said < page.text.index("Table 1.")


def test_a_cohort_of_patients_is_not_called_simulated(tmp_path, evaluation, parse):
    real = evaluation.model_copy(update={"original_is_simulated": False, "holdout": None})
    write_evaluation(real, tmp_path / "evaluation.json")
    render_report(tmp_path, tmp_path / "r.html", engine="fallback")
    page = parse(tmp_path / "r.html")
    assert "The original is simulated" not in page.text
    assert "There was no hold-out" in page.text
    assert "No verdict: no limits were applied to these figures." in page.text
    assert "Release gates were not part of this evaluation." in page.text
    assert "Provenance was not part of this evaluation" in page.text
    assert "Original (hold-out)" not in page.text


def test_gates_and_their_verdict(page):
    assert "the one required limit is kept" in page.text
    assert "1 of 1 required and 0 of 1 advisory gates passed." in page.text
    assert "≥ 0.97" in page.text
    assert "The reason of second." in page.text


def test_provenance_is_shown_to_its_last_leaf(page):
    for words in ("0123456789abcdef" * 4, "params / min leaf", "1 / name fit", "2 / seed 4", "0.1 , 0.2"):
        assert words in page.text.replace("0.1, 0.2", "0.1 , 0.2")


def test_nothing_in_the_data_is_read_as_markup(page):
    assert page.source.count("<script") == 1  # our own, of the tables
    assert "<script>alert" not in page.source
    assert "Synthetic <script>alert(1)</script> | *v1* @fig-x $x$" in page.text
    assert "= Odd_measure | with #signs" in page.text


def test_nothing_is_loaded_from_elsewhere(page):
    assert not {"link", "iframe", "object", "embed"} & {tag for tag, _ in page.elements}
    for tag, attributes in page.elements:
        if tag != "a":
            for name in ("src", "href", "srcset", "poster"):
                assert re.match(r"data:|$", attributes.get(name, "")), (tag, attributes)
    styles = re.findall(r"<style[^>]*>(.*?)</style>", page.source, re.DOTALL)
    assert styles and not any("@import" in style or "url(" in style for style in styles)


def test_figures_have_texts_for_those_who_cannot_see_them(page):
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    # two endpoints, alterations, co-occurrence, effects, two forest plots an outcome, the anchors; each drawn
    # for wide and for narrow screens, of which one is shown
    assert len(images) == 2 * (2 + 1 + 1 + 1 + 2 * 3 + 1)
    assert all(len(attributes["alt"]) > 60 for attributes in images)
    assert len({attributes["alt"] for attributes in images}) == len(images) / 2


def test_references_and_links_lead_somewhere(page):
    assert not re.search(r"@(fig|tbl)-(?!x )", page.text)
    targets = [a["href"] for tag, a in page.elements if tag == "a" and a.get("href", "").startswith("#")]
    assert len(targets) > 20
    assert {target[1:] for target in targets} <= page.ids
    captions = re.findall(r"Table (\d+)\. ", page.text)
    assert captions == [str(number) for number in range(1, len(captions) + 1)]
    assert "Table 1 follows table 1 of Eckardt" in page.text.replace("\u00a0", " ")


def test_tests_that_no_other_table_shows_are_not_lost(page):
    assert "an unheard-of test" in page.text


def test_footer_says_what_rendered_it(page, monkeypatch, folder, tmp_path, parse):
    assert "Rendered by amlsynth’s built-in renderer because it was asked for." in page.text
    monkeypatch.setenv("PATH", str(tmp_path))
    assert render_report(folder, tmp_path / "r.html", title="Mine & *yours*") == "fallback"
    other = parse(tmp_path / "r.html")
    assert "Rendered by amlsynth’s built-in renderer because Quarto was not found." in other.text
    assert other.text.count("Mine & *yours*") == 2  # in the head and on the page


@pytest.mark.usefixtures("drawn")
def test_the_same_bytes_each_time(rendered, release, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    render_report(release, Path("a.html"), Path("a.pdf"), engine="fallback")
    assert Path("a.html").read_bytes() == rendered[0].read_bytes()
    assert Path("a.pdf").read_bytes() == rendered[1].read_bytes()


def test_the_pdf_is_a_tagged_pdf_with_pages_and_no_date(rendered):
    content = rendered[1].read_bytes()
    assert content.startswith(b"%PDF-")
    assert b"/StructTreeRoot" in content
    assert b"/CreationDate" not in content
    assert len(content) > 100_000


def test_a_folder_without_an_evaluation(tmp_path):
    with pytest.raises(UsageError, match=r"evaluation\.json.*amlsynth evaluate"):
        render_report(tmp_path, tmp_path / "r.html")
    with pytest.raises(UsageError, match="no such folder"):
        render_report(tmp_path / "nowhere", tmp_path / "r.html")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("evaluation.json", "{", "not an evaluation"),
        ("evaluation.json", '{"schema_version": "9"}', "schema_version"),
        ("gates.json", '{"profile": 3}', "not a gate report.*profile"),
        ("provenance.json", '{\n"a": }', "provenance.json, line 2"),
        ("provenance.json", "[1]", "object"),
    ],
)
def test_a_broken_file_is_named_and_nothing_is_written(folder, tmp_path, name, text, words):
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words) as caught:
        render_report(folder, tmp_path / "r.html", tmp_path / "r.pdf", engine="fallback")
    assert name in str(caught.value)
    assert not list(tmp_path.glob("*r.*"))


def test_provenance_that_is_no_text(folder, tmp_path):
    (folder / "provenance.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(DataError, match="not UTF-8"):
        render_report(folder, tmp_path / "r.html", engine="fallback")


def test_places_that_cannot_be_written(folder, tmp_path):
    with pytest.raises(UsageError, match="this is a folder"):
        render_report(folder, tmp_path, engine="fallback")
    with pytest.raises(UsageError, match="two names"):
        render_report(folder, tmp_path / "r.html", tmp_path / "r.html", engine="fallback")


def test_an_unknown_engine(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("AMLSYNTH_REPORT_ENGINE", "quatro")
    with pytest.raises(UsageError, match=r"AMLSYNTH_REPORT_ENGINE.*Did you mean 'quarto'"):
        render_report(folder, tmp_path / "r.html")


@pytest.mark.parametrize("module", ["matplotlib", "pypandoc"])
def test_a_missing_extra_is_named(folder, tmp_path, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"amlsynth\[report\]"):
        render_report(folder, tmp_path / "r.html", engine="fallback")
    assert not (tmp_path / "r.html").exists()


def test_an_older_report_survives_a_failure(folder, tmp_path, monkeypatch):
    old = tmp_path / "r.html"
    old.write_text("old", encoding="utf-8")
    monkeypatch.setitem(cells._PARTS, "cohorts", lambda context: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        render_report(folder, old, engine="fallback")
    assert "report.qmd" in caught.value.__notes__[0]
    assert old.read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evaluation", "r.html"]


@pytest.mark.usefixtures("drawn")
def test_an_evaluation_with_next_to_nothing_in_it_is_rendered(tmp_path, evaluation: Evaluation, parse):
    def emptied(cohort):
        survival = tuple(s.model_copy(update={"curve": (), "events": None}) for s in cohort.survival)
        variables = tuple(
            v.model_copy(update={"quartiles": None, "counts": (), "missing": None}) for v in cohort.variables
        )
        return cohort.model_copy(update={"survival": survival, "variables": variables, "risk": ()})

    bare = evaluation.model_copy(
        update={
            "original": emptied(evaluation.original),
            "synthetics": (emptied(evaluation.synthetic),),
            "holdout": None,
            "comparisons": (),
            "measures": evaluation.measures[:1],
            "effects": (),
            "co_occurrence": None,
            "rules": (),
            "notes": (),
        }
    )
    write_evaluation(bare, tmp_path / "evaluation.json")
    render_report(tmp_path, tmp_path / "r.html", tmp_path / "r.pdf", engine="fallback")
    text = parse(tmp_path / "r.html").text
    assert "No cohort has a curve of overall survival to show." in text
    assert "The evaluation has no privacy measures." in text
    assert "n/a" in text
    assert "@" not in text.replace("@fig-x $x$", "")


FAKE_QUARTO = """#!{python}
import json, os, pathlib, sys
if sys.argv[1:] == ["--version"]:
    print("1.7.31"); raise SystemExit
names = ("QUARTO_PYTHON", "AMLSYNTH_REPORT_DATA", "AMLSYNTH_REPORT_FOOTER")
call = {{"arguments": sys.argv[1:], "environment": {{name: os.environ.get(name) for name in names}},
        "files": sorted(str(p) for p in pathlib.Path().rglob("*") if p.is_file()),
        "document": pathlib.Path("report.qmd").read_text(encoding="utf-8")}}
with open({log!r}, "a", encoding="utf-8") as log:
    log.write(json.dumps(call) + "\\n")
if {fails}:
    print("\\n".join(f"line {{i}}" for i in range(40))); raise SystemExit(3)
target = "report.html" if sys.argv[-1] == "html" else "report.pdf"
pathlib.Path(target).write_text("made by quarto as " + sys.argv[-1], encoding="utf-8")
"""


def fake_quarto(folder: Path, monkeypatch: pytest.MonkeyPatch, *, fails: bool = False) -> Path:
    """Put a program named quarto on the PATH that records how it was called."""
    log = folder / "calls.jsonl"
    program = folder / "bin" / "quarto"
    program.parent.mkdir()
    text = FAKE_QUARTO.format(python=sys.executable, log=str(log), fails=fails)
    program.write_text(text, encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return log


def test_quarto_renders_when_it_is_on_the_path(folder, tmp_path, monkeypatch):
    log = fake_quarto(tmp_path, monkeypatch)
    used = render_report(folder, tmp_path / "r.html", tmp_path / "r.pdf", title="A: *title*")
    assert used == "quarto"
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == "made by quarto as html"
    assert (tmp_path / "r.pdf").read_text(encoding="utf-8") == "made by quarto as typst"
    calls = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [call["arguments"] for call in calls] == [
        ["render", "report.qmd", "--to", "html"],
        ["render", "report.qmd", "--to", "typst"],
    ]
    assert calls[0]["environment"] == {
        "QUARTO_PYTHON": sys.executable,
        "AMLSYNTH_REPORT_DATA": str(folder.resolve()),
        "AMLSYNTH_REPORT_FOOTER": "Rendered by Quarto 1.7.31.",
    }
    assert {"_quarto.yml", "report.qmd", "style.css", "builtin/quarto.typ"} <= set(calls[0]["files"])
    assert "title: 'A\\: \\*title\\*'" in calls[0]["document"]


def test_a_failing_quarto_is_quoted_and_the_way_without_it_named(folder, tmp_path, monkeypatch):
    fake_quarto(tmp_path, monkeypatch, fails=True)
    with pytest.raises(UsageError, match="exit code 3") as caught:
        render_report(folder, tmp_path / "r.html")
    message = str(caught.value)
    assert "line 39" in message and "line 1\n" not in message
    assert "AMLSYNTH_REPORT_ENGINE=fallback" in message
    assert not (tmp_path / "r.html").exists()


def test_quarto_is_left_alone_when_the_environment_says_so(folder, tmp_path, monkeypatch):
    log = fake_quarto(tmp_path, monkeypatch)
    monkeypatch.setenv("AMLSYNTH_REPORT_ENGINE", "fallback")
    monkeypatch.setattr("amlsynth.report.fallback.render", lambda document, page, *rest: page.touch())
    assert render_report(folder, tmp_path / "r.html") == "fallback"
    assert not log.exists()


def test_quarto_that_was_asked_for_and_is_not_there(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="Quarto was not found"):
        render_report(folder, tmp_path / "r.html", engine="quarto")
