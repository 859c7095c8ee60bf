"""Every code that pages may look for is one that something raises or acts on."""

import re

import sources

from parlour.contracts.codes import Code

LISTS = {"contracts/codes.py", "runtime/http.py"}
"""Files that name codes to say what they mean. Those in `contracts/ids.py` are raised by the checks of texts, here and in the SDK."""


def test_every_code_is_raised_by_a_service_or_by_the_sdk() -> None:
    raised: set[str] = set()
    for path in (sources.ROOT / "libs/sdk-web/src").rglob("*.ts"):
        raised.update(re.findall(r"\bCode\.([A-Z_]+)", path.read_text()))
    for folder in ("services", "libs"):
        for path in (sources.ROOT / folder).glob("*/src/**/*.py"):
            if f"{path.parent.name}/{path.name}" not in LISTS:
                raised.update(re.findall(r"\bCode\.([A-Z_]+)", path.read_text()))
    assert [code.name for code in Code if code.name not in raised] == ["OK"]
