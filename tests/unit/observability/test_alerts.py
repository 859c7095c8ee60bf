"""Alert rules: they read metrics that exist, fire and end in rule tests, and lead to a runbook."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from metric_names import OBSERVABILITY, known_metrics, selected_metrics

from parlour.cli.supervise.checkout import ROOT

RULES = OBSERVABILITY / "alerts.yml"
RUNBOOKS = ROOT / "docs" / "runbooks"
LOG_EVENTS = ROOT / "docs" / "reference" / "log-events.md"
ALERT = re.compile(
    r"- alert: (\w+)\n {8}expr: (?:\|\n)?(.*?)\n(?: {8}for: (\w+)\n)? {8}labels: \{ severity: (\w+) \}\n {8}annotations:\n"
    r" {10}summary: [^\n]+\n {10}runbook: docs/runbooks/([\w-]+)\.md\n",
    re.DOTALL,
)
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs Prometheus' promtool")


class Alert(NamedTuple):
    """A rule of alerts.yml."""

    name: str
    expression: str
    wait: str
    severity: str
    runbook: str


ALERTS = [Alert(*found) for found in ALERT.findall(RULES.read_text())]


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=OBSERVABILITY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_a_severity_a_summary_and_a_runbook() -> None:
    """The form that the other tests read: a rule that lacks a part would not be found by them."""
    assert len(ALERTS) == RULES.read_text().count("- alert:")
    assert {one.severity for one in ALERTS} == {"critical", "warning"}


@needs_promtool
def test_the_rules_and_the_configuration_are_valid() -> None:
    promtool("check", "rules", RULES.name)
    promtool("check", "config", "prometheus.yml")


@needs_promtool
def test_each_alert_fires_and_ends_in_its_rule_test() -> None:
    promtool("test", "rules", "alerts_test.yml")


def test_each_alert_has_a_rule_test_of_both() -> None:
    text = (OBSERVABILITY / "alerts_test.yml").read_text()
    for one in ALERTS:
        _, _, rest = text.partition(f"  - name: {one.name}\n")
        test = rest.partition("  - name: ")[0]
        assert test.count(f"alertname: {one.name}\n") == 2, one.name
        assert test.count("exp_alerts:") == 1, one.name


@pytest.mark.parametrize("alert", ALERTS, ids=lambda one: one.name)
def test_an_alert_reads_metrics_of_the_reference(alert: Alert) -> None:
    read = selected_metrics(alert.expression)
    assert read
    assert read <= known_metrics(), read - known_metrics()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda one: one.name)
def test_an_alert_has_a_runbook_with_a_command(alert: Alert) -> None:
    text = (RUNBOOKS / f"{alert.runbook}.md").read_text()
    assert text.startswith(f"# {alert.name}\n\n**Severity: {alert.severity}.** ")
    for part in ("## Causes\n- ", "## Look\n```sh\n", "## Mend\n- ", "**It ends** when "):
        assert part in text, part


def test_each_runbook_is_of_an_alert_and_in_the_list() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {"README", *(one.runbook for one in ALERTS)}
    listed = re.findall(
        r"^\| \[(\w+)\]\(([\w-]+)\.md\) \| (\w+) \|", (RUNBOOKS / "README.md").read_text(), re.MULTILINE
    )
    assert listed == [(one.name, one.runbook, one.severity) for one in ALERTS]


def test_the_links_of_runbooks_lead_to_files() -> None:
    for page in RUNBOOKS.glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert (RUNBOOKS / link).exists(), f"{page.name}: {link}"


def test_the_log_events_of_runbooks_exist() -> None:
    known = set(re.findall(r"^\| `(\w+)` \|", LOG_EVENTS.read_text(), re.MULTILINE))
    for page in RUNBOOKS.glob("*.md"):
        for events in re.findall(r"parlour logs .*--event '([^']+)'", page.read_text()):
            assert set(events.split("|")) <= known, page.name


@needs_promtool
def test_the_configuration_of_the_how_to_is_valid(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "how-to" / "observe.md").read_text()
    (found,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "prometheus.yml").write_text(found)
    promtool("check", "config", str(tmp_path / "prometheus.yml"))
