"""The interactive page in a real browser: from disk, no network, no error, and it answers."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from crosslingual.advisor_page import advisor_page
from crosslingual.errors import DataError

SOURCES = ("eng", "fra", "spa", "rus")


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The order of sources for Hindi is the reverse of that for Swahili."""
    ranks, curves = [], []
    for target, sign in (("swa", -1), ("hin", 1)):
        for i, source in enumerate(SOURCES):
            middle = 0.4 + sign * 0.05 * i
            ranks.append(("talk", target, source, middle, middle - 0.1, middle + 0.1))
            for step, labels in enumerate((0, 10, 100, 1000)):
                score = middle + 0.1 * step
                curves.append(("talk", target, source, labels, score, score - 0.05, score + 0.05))
    ranks.append(("read", "swa", "deu", 0.3, 0.2, 0.4))
    return (
        pd.DataFrame(ranks, columns=["task", "target", "source", "predicted", "low", "high"]),
        pd.DataFrame(
            curves, columns=["task", "target", "source", "labels", "score", "low", "high"]
        ),
    )


TASKS = {"talk": "made </script> up", "read": "made up, too"}


@pytest.fixture(scope="module")
def page(tables, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "advisor.html"
    path.write_text(advisor_page(*tables, TASKS), "utf-8")
    return path


def test_everything_is_inlined(page) -> None:
    text = page.read_text("utf-8")
    assert 'src="http' not in text
    assert 'href="http' not in text
    assert "@@" not in text
    assert text.count("</script>") == 2
    assert 'name="viewport"' in text


def test_tables_that_lack_something_are_named(tables) -> None:
    with pytest.raises(DataError, match="predicted"):
        advisor_page(tables[0].drop(columns="predicted"), tables[1], TASKS)
    with pytest.raises(DataError, match="'sing'"):
        advisor_page(*tables, {"sing": ""})


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("needs chromium and chromedriver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = webdriver.Chrome(service=webdriver.ChromeService(driver), options=options)
    yield made
    made.quit()


def _open(browser, page: Path) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(page.as_uri())
    ready = "return document.body.dataset.ready === 'yes'"
    WebDriverWait(browser, 30).until(lambda b: b.execute_script(ready))


def _ranked(browser) -> list[str]:
    return [li.text.split()[0] for li in browser.find_elements("css selector", "#list li")]


def test_the_page_answers_in_a_browser(browser, page) -> None:
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select

    _open(browser, page)
    answer = browser.find_element("id", "answer")
    assert _ranked(browser) == ["English", "French", "Spanish", "Russian"]
    assert "Best source for Swahili: English" in answer.text
    assert "0.60 needs about 100 labels" in answer.text
    chart = browser.find_element("css selector", "#ranking svg")
    assert chart.text.index("English") < chart.text.index("Russian")

    Select(browser.find_element("id", "target")).select_by_visible_text("Hindi")
    assert _ranked(browser) == ["Russian", "Spanish", "French", "English"]
    assert "Best source for Hindi: Russian" in answer.text

    goal = browser.find_element("id", "goal")
    goal.send_keys(Keys.END)  # by keyboard, to 0.95
    assert "is not reachable" in answer.text
    goal.send_keys(Keys.ARROW_LEFT)
    assert "0.90" in answer.text

    Select(browser.find_element("id", "task")).select_by_visible_text("read")
    assert _ranked(browser) == ["German"]
    assert "cannot be told" in answer.text
    assert browser.find_element("id", "note").text == "made up, too"

    severe = [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
    assert severe == []
    messages = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
    asked = {
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    }
    assert all(url.startswith(("file:", "data:")) for url in asked), asked


def test_a_phone_can_show_it(browser, page) -> None:
    browser.set_window_size(400, 800)
    _open(browser, page)
    wide, window = browser.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert wide <= window
    assert browser.find_element("id", "target").rect["width"] > 150
    labels = browser.find_elements("css selector", "form label")
    assert {label.get_attribute("for") for label in labels} == {"task", "target", "goal"}
