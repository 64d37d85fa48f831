"""The page in a browser: it loads without a network, and mouse and keys change what is shown."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.explorer.browser import CHROMIUM, DRIVER, HINT, Browser
from tests.explorer.pages import TEXTS, attention, big_page, data_of, page

# A browser is slow to start and depends on the machine's load: CI asks for these tests, on their own.
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason=HINT),
    pytest.mark.skipif("MINIBERT_BROWSER_TESTS" not in os.environ, reason="MINIBERT_BROWSER_TESTS=1 runs them"),
]

OPEN = "#attention/1/2/3/0/open"


@pytest.fixture(scope="module")
def shared() -> Iterator[Browser]:
    browser = Browser()
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture
def browser(shared: Browser) -> Iterator[Browser]:
    """The shared browser; no test may leave a message in the console."""
    shared.prefer("light")
    shared.messages()
    yield shared
    assert [message for message in shared.messages() if message["level"] != "INFO"] == []


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    hostile = "fox </script><script>window.broken=1</script> \"x\" 'y' <b onclick=1> & שלום עולם مرحبا"
    made = {family: page(family, gradients=True, integrated=2) for family in TEXTS}
    made |= {"hostile": page("bert", hostile), "big": big_page()}
    return {name: html.save(folder / f"{name}.html") for name, html in made.items()}


def chosen(browser: Browser) -> list[str]:
    return browser.texts("#strip [aria-selected=true]")


@pytest.mark.parametrize("family", list(TEXTS))
def test_every_view_shows_something(family: str, browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages[family])
    assert browser.run("performance.getEntriesByType('resource').length") == 0
    data = data_of(pages[family].read_text(encoding="utf-8"))
    assert browser.texts("#strip [role=option]") == [token["shown"] for token in data["tokens"]]
    for view, must in {
        "tokens": "The row that the model gets", "attention": "Every head", "values": "Step 0 of",
        "predictions": "the answer is", "gradients": "Gradient × input",
    }.items():  # fmt: skip
        browser.click(f"#tab-{view}")
        assert must in browser.text(f"#view-{view}")
        assert browser.run("[...document.querySelectorAll('[role=tabpanel]')].filter((p) => !p.hidden).length") == 1


def test_grid_of_heads_by_mouse_and_keys(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["bert"])
    browser.wait("document.querySelector('.heads').dataset.painted === 'yes'")
    assert browser.run("document.querySelectorAll('.heads [role=gridcell]').length") == 6
    painted = (
        "document.querySelectorAll('.heads canvas')[4].getContext('2d').getImageData(0, 0, 9, 9).data.some((x) => x)"
    )
    assert browser.run(painted)
    browser.run("document.querySelector('.heads [aria-selected=true]').focus()")
    browser.press("Down", "Right", "Right", "Left")
    assert browser.run("document.activeElement.getAttribute('aria-label')") == "Layer 1, head 1"
    browser.press("Enter")
    assert browser.text(".mover strong") == "Layer 1"
    assert browser.text(".words-panel .note").startswith("Token")
    browser.press("Escape")
    browser.click(".heads .row:nth-child(2) [role=gridcell]:nth-child(4)")
    assert browser.texts(".mover strong") == ["Layer 0", "Head 2"]


def test_keys_move_layer_head_and_token(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["bert"], "#attention/0/0/0/0/open")
    before = browser.texts(".bars li")
    browser.press("Down", "Right")
    assert browser.texts(".mover strong") == ["Layer 1", "Head 1"]
    assert browser.texts(".bars li") != before
    browser.press("Shift+Right", "Shift+Right", "Shift+Left")
    assert browser.run("location.hash") == "#attention/1/1/1/0/open"
    browser.press("3")
    assert browser.run("document.getElementById('tab-values').getAttribute('aria-selected')") == "true"
    browser.press("Down", "Down")
    assert browser.run("location.hash").split("/")[4] == "2"


def test_one_head_reads_as_the_model_has_it(browser: Browser, pages: dict[str, Path]) -> None:
    probs = attention(data_of(pages["bert"].read_text(encoding="utf-8")))[1, 2]
    browser.open(pages["bert"], OPEN)
    best = int(probs[3].argmax())
    first = browser.text(".bars li").split()
    assert first[1] == str(best)
    assert float(first[2]) == pytest.approx(100 * probs[3, best], abs=0.06)
    size = len(probs)
    browser.point(".matrix .frame", 4.5 / size, 2.5 / size)
    reading = browser.text(".matrix .reading")
    assert "(token 2) attends to" in reading
    assert "(token 4)" in reading
    assert float(reading.split(":")[-1].split()[0]) == pytest.approx(100 * probs[2, 4], abs=0.06)
    browser.run("document.querySelector('.matrix .frame').focus()")
    browser.press("Down", "Right")
    assert "(token 3) attends to" in browser.text(".matrix .reading")
    assert browser.run("document.activeElement.className") == "frame"
    browser.click("[data-side=to]")
    assert "is attended by" in browser.text(".words-panel h3")
    browser.wait("document.getElementById('status').textContent.includes('is attended by')")


def test_strip_of_tokens(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["bert"], "#tokens/0/0/0/0/grid")
    browser.click("#token-2")
    assert chosen(browser) == browser.texts("#token-2")
    browser.run("document.getElementById('token-2').focus()")
    browser.press("Right", "End", "Left")
    count = len(data_of(pages["bert"].read_text(encoding="utf-8"))["tokens"])
    assert browser.run("document.activeElement.id") == f"token-{count - 2}"
    assert browser.run("document.querySelectorAll('#strip [tabindex=\"0\"]').length") == 1
    assert browser.run("document.querySelectorAll('.rows tr.chosen').length") >= 1


def test_values_by_name_and_number(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["bert"], "#values/0/0/0/0/grid")
    browser.click(".side input")
    browser.press(*"layer.1.output.dense")
    assert len(browser.texts(".walk [role=option]:not([hidden])")) == 1
    assert browser.text(".value h2") == "bert.encoder.layer.1.output.dense"
    assert "(B, T, D) = (1," in browser.text(".facts")
    browser.point(".value .frame", 0.01, 0.01)
    assert "(token 0), column 0:" in browser.text(".value .reading")
    scores = "[role=option][aria-label*='layer.1.attention.self.scores']"
    browser.open(pages["bert"], "#values/0/0/0/0/grid")
    browser.click(scores)
    browser.click(".value button")
    assert browser.texts(".mover strong")[0] == "Layer 1"


def test_predictions_of_every_layer(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["bert"], "#predictions")
    record = data_of(pages["bert"].read_text(encoding="utf-8"))["predictions"][0]
    assert browser.texts(".lens tbody th") == ["embeddings", "layer 0", "layer 1"]
    assert browser.texts(".lens tr.last .guess .token")[0] == record["answer"]
    assert f"At token {record['place']}" in browser.text("#view-predictions h2")


def test_light_and_dark(browser: Browser, pages: dict[str, Path]) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    browser.open(pages["bert"], OPEN)
    light = browser.run(paper)
    browser.prefer("dark")
    dark = browser.run(paper)
    assert light != dark
    pixel = """(() => { const pen = document.querySelector('.matrix canvas').getContext('2d');
        const data = pen.getImageData(0, 0, 9, 9).data;
        let at = 0; // of the nine rows and columns, the least transparent: its colour is the most exact
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > data[at + 3]) at = i;
        return data.slice(at, at + 3).join(); })()"""
    browser.wait("document.getElementById('theme').textContent.includes('Light')")  # the page has heard of it too
    before = browser.run(pixel)
    browser.click("#theme")
    assert browser.run(paper) == light
    assert browser.run(pixel) != before
    browser.press("t")
    assert browser.run(paper) == dark
    browser.run("localStorage.clear()")


def test_help(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["bert"])
    browser.press("?")
    assert browser.run("document.getElementById('help').open")
    assert "light or dark" in browser.text("#help")
    browser.press("Escape")
    assert not browser.run("document.getElementById('help').open")


def test_hostile_and_right_to_left_text(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["hostile"], "#tokens")
    assert browser.run("window.broken === undefined")
    assert browser.run("document.scripts.length") == 2
    assert "</script><script>window.broken=1</script>" in browser.text(".stages .text")
    assert "שלום עולם مرحبا" in browser.text(".stages .text")
    assert browser.run("document.querySelectorAll('#strip bdi[dir=auto]').length > 10")
    hebrew = "[...document.querySelectorAll('td bdi')].find((each) => /[א-ת]/.test(each.textContent))"
    assert browser.run(f"getComputedStyle({hebrew}).direction") == "rtl"


def test_big_page_stays_quick(browser: Browser, pages: dict[str, Path]) -> None:
    """128 tokens, 12 layers, 12 heads: ready within seconds, and no key takes longer than a blink."""
    assert browser.open(pages["big"], "#attention/0/0/0/0/grid") < 10
    browser.wait("document.querySelector('.heads').dataset.painted === 'yes'")
    assert browser.run("document.querySelectorAll('.heads canvas').length") == 144
    browser.open(pages["big"], "#attention/0/0/0/0/open")
    timed = """(() => { const begin = performance.now();
        const key = () => document.body.dispatchEvent(new KeyboardEvent('keydown', {key: KEY, bubbles: true}));
        for (let i = 0; i < 10; i++) key();
        return (performance.now() - begin) / 10; })()"""
    assert browser.run(timed.replace("KEY", "'ArrowRight'")) < 500
    assert browser.texts(".mover strong") == ["Layer 0", "Head 10"]
    browser.press("3")
    assert browser.run(timed.replace("KEY", "'ArrowDown'")) < 500


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_runs_out_of_a_narrow_window(width: int, browser: Browser, pages: dict[str, Path]) -> None:
    browser.resize(width, 800)
    try:
        browser.open(pages["bert"])
        for view in ("tokens", "attention", "values", "predictions", "gradients"):
            browser.press(str(1 + ["tokens", "attention", "values", "predictions", "gradients"].index(view)))
            assert browser.run("document.documentElement.scrollWidth <= innerWidth"), view
    finally:
        browser.resize(1400, 900)


def test_everything_has_a_name(browser: Browser, pages: dict[str, Path]) -> None:
    """Whatever can be focused tells a screen reader what it is."""
    browser.open(pages["bert"], OPEN)
    nameless = """[...document.querySelectorAll('button, input, [tabindex]')].filter((each) =>
        !(each.innerText || '').trim() && !each.getAttribute('aria-label') && !each.getAttribute('aria-labelledby')
        && each.offsetParent).map((each) => each.outerHTML.slice(0, 90))"""
    assert browser.run(nameless) == []


def test_notebook_frame(browser: Browser, tmp_path: Path) -> None:
    html = page("bert", 'A "fox" & <b>')
    outer = tmp_path / "notebook.html"
    outer.write_text(f"<!doctype html><meta charset=utf-8><body>{html._repr_html_()}", encoding="utf-8")
    browser._call("POST", "/url", {"url": outer.as_uri()})
    frame = browser._call("POST", "/element", {"using": "css selector", "value": "iframe"})
    browser._call("POST", "/frame", {"id": frame})
    browser.wait("document.documentElement.dataset.ready === 'yes'")
    browser.press("1")
    browser._call("POST", "/frame", {"id": None})


def test_without_gradients_or_masks_the_page_says_how(browser: Browser, tmp_path: Path) -> None:
    path = page("bert", "A fox.").save(tmp_path / "plain.html")
    browser.open(path, "#predictions")
    assert "The text has no masked token" in browser.text("#view-predictions")
    browser.press("5")
    assert "No gradients were recorded" in browser.text("#view-gradients")
