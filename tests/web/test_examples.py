"""Every operation has examples, and they are what its schema says."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from smpp_esme.web.app import create_app

DESCRIPTION = create_app(None, body_limit=65_536).openapi()


def bodies():
    """Each JSON body of the description that is not an error: what it is, and its content."""
    for path, operations in DESCRIPTION["paths"].items():
        for method, operation in operations.items():
            answers = [answer for status, answer in operation["responses"].items() if status < "300"]
            for what, body in (("request", operation.get("requestBody")), *(("answer", one) for one in answers)):
                if body and "application/json" in body.get("content", {}):
                    content = body["content"]["application/json"]
                    yield pytest.param(content, id=f"{method} {path} {what}")


@pytest.mark.parametrize("content", list(bodies()))
def test_an_example_is_what_the_schema_says(content):
    examples = [content["example"]] if "example" in content else [one["value"] for one in content["examples"].values()]
    schema = content["schema"] | {"components": DESCRIPTION["components"]}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    assert examples
    assert [error for example in examples for error in validator.iter_errors(example)] == []


def test_the_description_is_openapi_3_1():
    assert DESCRIPTION["openapi"].startswith("3.1.")
