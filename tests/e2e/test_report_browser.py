"""The HTML report in a real browser: it looks right, and asks nobody for anything."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_compiledai.core.result import Cost
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Result
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.report import page
from pytest_compiledai.report.facts import Facts
from pytest_compiledai.report.places import Places

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(DRIVER is None, reason="no chromedriver on PATH")
GATES = ("security", "syntax", "execution", "accuracy", "latency", "fuzz")
#: A page that could run it or load it would be changed or would ask for it.
HOSTILE = (
    '<script>document.title = "owned"</script>'
    '<img src="http://127.0.0.1:9/x.png" onerror="document.title=1">'
)
QUIET = (
    "headless=new,no-sandbox,disable-gpu,disable-quic,no-first-run,disable-background-networking,"
    "disable-component-update,disable-sync,disable-dev-shm-usage"
)


@pytest.fixture(scope="module")
def browser():
    """Return a headless browser that logs what it asks for."""
    options = webdriver.ChromeOptions()
    for flag in QUIET.split(","):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    service = webdriver.ChromeService(executable_path=DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


def result(name: str, *, outcome: Outcome, failed: str = "") -> Result:
    figures = {
        "accuracy": {"accuracy": 0.9, "answered": 30, "interval": {"low": 0.74, "high": 0.97}},
        "latency": {
            "quantiles_ms": {
                "p10": 0.01, "p25": 0.02, "p50": 0.03, "p75": 0.05, "p90": 0.2, "p99": 2.0
            }
        },
    }  # fmt: skip
    asked = GATES[: GATES.index(failed) + 1] if failed else GATES
    verdicts = tuple(
        Verdict(
            gate=gate,
            findings=(Finding(rule=f"{gate}.x", message=HOSTILE),) * (gate == failed),
            figures=figures.get(gate, {}),
        )
        for gate in asked
    )
    return Result(
        unit=name,
        kind="function",
        spec="specs/x.yaml",
        line=1,
        outcome=outcome,
        gates=GATES,
        verdicts=verdicts,
        cost=Cost(tokens_in=9_000, tokens_out=1_000),
        reference_tokens=400.0,
    )


@pytest.fixture
def shown(browser, tmp_path: Path):
    """Return the browser with a report of a good, a bad and a long-named unit."""
    results = [
        result("a_good_one", outcome=Outcome.FROZEN),
        result("bad", outcome=Outcome.REJECTED, failed="accuracy"),
        result("n" * 64, outcome=Outcome.UNCHANGED),
    ]
    facts = Facts(results=results, mode="compile", places=Places(tmp_path, tmp_path / "compiled"))
    path = tmp_path / "report.html"
    path.write_bytes(page.render(facts))
    browser.set_window_size(1300, 1800)
    browser.get_log("performance")
    browser.get(path.as_uri())
    return browser


def test_the_page_asks_nobody(shown):
    """The one request is the file itself, and the hostile text ran nothing."""
    events = [json.loads(entry["message"])["message"] for entry in shown.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]

    assert {shown.current_url} == set(asked)
    assert "compiledai report" == shown.title
    assert [] == shown.get_log("browser")


def test_the_page_shows_matrix_and_charts(shown):
    """Every unit has a row, failures stand out, and each chart has a size."""
    rows = shown.find_elements("css selector", "#gates tr")
    failed = shown.find_element("css selector", "td.failed")
    passed = shown.find_element("css selector", "td.passed")
    charts = shown.find_elements("css selector", "svg")

    assert 4 == len(rows)
    assert failed.value_of_css_property("color") != passed.value_of_css_property("color")
    assert 3 == len(charts)  # break-even of the frozen one alone
    assert all(chart.size["width"] > 300 and chart.size["height"] > 60 for chart in charts)
    assert HOSTILE in shown.find_element("css selector", "li").text


@pytest.mark.parametrize("width", [1300, 700])
def test_nothing_runs_out_of_the_page(shown, width):
    """A wide table scrolls in its own box; the page itself never does."""
    shown.set_window_size(width, 1800)

    too_wide = shown.execute_script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )

    assert 0 == too_wide
    assert len(shown.get_screenshot_as_png()) > 20_000
