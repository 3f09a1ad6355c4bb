"""The report in headless Chromium: quiet, self-contained, sortable, narrow enough for a phone."""

from __future__ import annotations

import json

import pytest

from axe import CONTRAST, SCREENS, violations

WIDE = "document.documentElement.scrollWidth"
UNFOLD = "document.querySelectorAll('details').forEach(d => d.open = true);"


@pytest.fixture(scope="module")
def visit(browser, rendered):
    return lambda **options: browser.page(rendered[0], **options)


def test_it_opens_without_a_message_and_asks_for_nothing(visit, rendered):
    for dark in (False, True):
        page = visit(dark=dark, script=UNFOLD)
        assert page.console == []
        asked = [url for url in page.requests if not url.startswith("data:")]
        assert asked == [rendered[0].resolve().as_uri()]


@pytest.mark.parametrize("width", [390, 800, 1300])
def test_the_page_never_scrolls_sideways(visit, width):
    both = f"[{WIDE}, (() => {{ {UNFOLD} return {WIDE}; }})()]"
    folded, unfolded = visit(width=width, script=both).result
    assert folded <= width and unfolded <= width


def test_tables_sort_within_their_groups_and_back(visit):
    script = """(() => {
      const table = document.querySelector('#tbl-alterations');
      const body = (table.tBodies ? table : table.querySelector('table')).tBodies[0];
      const head = body.parentElement.tHead.rows[0].cells[0];
      const names = () => Array.from(body.rows).map(row => row.cells[0].textContent.trim());
      const found = [names()];
      for (let i = 0; i < 3; i++) {
        head.querySelector('button').click();
        found.push([head.getAttribute('aria-sort'), names()]);
      }
      return JSON.stringify(found);
    })()"""
    first, ascending, descending, back = json.loads(visit(script=script).result)
    assert [state for state, _ in (ascending, descending, back)] == ["ascending", "descending", "none"]
    assert back[1] == first and ascending[1] != first
    group = first.index("Cohesin complex")
    assert first[0] == ascending[1][0] == descending[1][0]  # the heads of the groups stay
    assert ascending[1].index("Cohesin complex") == group
    assert ascending[1][1:group] == sorted(first[1:group], key=str.lower)
    assert descending[1][1:group] == sorted(first[1:group], key=str.lower, reverse=True)


def test_numbers_sort_as_numbers_and_what_is_missing_comes_last(browser, repository, tmp_path):
    cells = [
        "1,606",
        "n/a<sup>a</sup>",
        "−1.5 (−2–−1)",
        "&lt; 0.0001",
        "0.0001",
        "–",
        "≈ 5",
        "40 (3.1)",
    ]
    rows = "".join(f"<tr><td>x</td><td>{cell}</td></tr>" for cell in cells)
    head = "<thead><tr><th>Name</th><th>Figure</th></tr></thead>"
    script = (repository / "reports" / "builtin" / "tables.html").read_text(encoding="utf-8")
    page = tmp_path / "page.html"
    table = f"<div class='table-scroll'><table>{head}<tbody>{rows}</tbody></table></div>"
    page.write_text(f"<!DOCTYPE html><meta charset='utf-8'><body>{table}{script}", encoding="utf-8")
    sort = """(() => {
      const head = document.querySelectorAll('th')[1];
      const order = () => Array.from(document.querySelectorAll('tbody tr')).map(r => r.cells[1].textContent);
      return [1, 2].map(() => { head.querySelector('button').click(); return order(); });
    })()"""
    up, down = browser.page(page, script=sort).result
    known = ["−1.5 (−2–−1)", "< 0.0001", "0.0001", "≈ 5", "40 (3.1)", "1,606"]
    assert up == [*known, "n/aa", "–"]
    assert down == [*known[::-1], "n/aa", "–"]


def test_keyboards_and_readers_are_served(visit):
    script = """JSON.stringify({
      regions: document.querySelectorAll('.table-scroll[tabindex="0"][role="region"][aria-label]').length,
      tables: document.querySelectorAll('.table-scroll').length,
      copies: document.querySelectorAll('button.copy').length,
      named: Array.from(document.querySelectorAll('button')).every(b => b.textContent.trim() || b.ariaLabel),
      alts: Array.from(document.images).every(i => i.alt.length > 60 && i.naturalWidth > 0)})"""
    found = json.loads(visit(script=script).result)
    assert found["regions"] == found["tables"] == found["copies"] > 8
    assert found["named"] and found["alts"]


def test_a_link_unfolds_what_it_leads_to(visit):
    script = """new Promise(done => {
      const folded = document.getElementById('tbl-alterations').closest('details');
      const before = folded.open;
      location.hash = '#tbl-alterations';
      setTimeout(() => done([before, folded.open]), 200);
    })"""
    assert visit(script=script).result == [False, True]


def test_the_table_is_copied_as_text_with_tabs(visit):
    script = """(() => {
      let taken = '';
      document.execCommand = () => { taken = document.activeElement.value; return true; };
      Object.defineProperty(navigator, 'clipboard', {value: undefined});
      document.querySelector('button.copy').click();
      return taken;
    })()"""
    lines = visit(script=script).result.splitlines()
    assert lines[0].split("\t")[:2] == ["Key figure (95 % interval)", "Original"]
    assert any(line.split("\t")[0] == "Classifier auc" for line in lines)


def test_on_paper_nothing_is_hidden_behind_buttons(visit):
    script = "getComputedStyle(document.querySelector('button.copy')).display"
    assert visit(print_media=True, script=script).result == "none"


@pytest.mark.parametrize(("width", "dark"), SCREENS)
def test_axe_finds_nothing(browser, rendered, width, dark):
    assert violations(browser, rendered[0], width=width, dark=dark, before=UNFOLD) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_texts_stand_out(visit, width, dark):
    assert visit(width=width, dark=dark, script=f"{UNFOLD} {CONTRAST}").result >= 4.5


def test_the_decision_comes_first_and_fits_two_screens_of_a_phone(visit):
    script = """(() => {
      const page = document.querySelector('.decision').getBoundingClientRect();
      return [page.top, page.bottom, document.querySelector('.decision table').getBoundingClientRect().width];
    })()"""
    top, bottom, width = visit(width=360, height=800, script=script).result
    assert top < 200 and bottom <= 2 * 800 and width <= 360


def test_figures_are_drawn_anew_for_phones(visit):
    script = """Array.from(document.querySelectorAll('.has-narrow')).map(box => [
      getComputedStyle(box.querySelector('figure img')).display !== 'none',
      getComputedStyle(box.querySelector('.only-narrow')).display !== 'none',
      box.scrollWidth <= box.clientWidth])"""
    script = f"{UNFOLD} {script}"
    assert set(map(tuple, visit(width=360, script=script).result)) == {(False, True, True)}
    assert {(wide, narrow) for wide, narrow, _ in visit(width=1280, script=script).result} == {(True, False)}


def test_on_phones_names_of_rows_are_words_and_no_columns_of_letters(visit):
    script = """Math.min(...Array.from(
      document.querySelectorAll('.table-scroll:not(.cards) td:first-child'), cell => cell.clientWidth))"""
    assert visit(width=360, script=f"{UNFOLD} {script}").result >= 80
