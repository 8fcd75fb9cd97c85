"""How a user names a job."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.errors import UserError
from helios_wf.failures import job_name
from helios_wf.record.addresses import Address, parse

RUN = "20300131-120000-1a2b3c"


def is_run(text: str) -> bool:
    return bool(text) and RUN.startswith(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (None, Address()),
        (RUN, Address(RUN)),
        ("2030", Address("2030")),
        ("2030/", Address("2030")),
        ("2030/filter", Address("2030", "filter")),
        ("2030/filter[3]", Address("2030", "filter", (3,))),
        ("2030/process/filter[0,7]", Address("2030", "process/filter", (0, 7))),
        (" 2030/filter[ 0 , 7 ] ", Address("2030", "filter", (0, 7))),
        ("2030/filter[0/7]", Address("2030", "filter", (0, 7))),
        ("filter", Address(None, "filter")),
        ("filter[3]", Address(None, "filter", (3,))),
        ("process/filter[3]", Address(None, "process/filter", (3,))),
        ("2030[3]", Address("2030", "", (3,))),
    ],
)
def test_a_name_is_read(text: str | None, address: Address) -> None:
    assert parse(text, is_run) == address


@pytest.mark.parametrize("text", ["", "[3]", "filter[", "filter]", "filter[3", "filter[3]x", "a[0][1]", "/"])
def test_what_names_nothing_is_told_how_a_job_is_written(text: str) -> None:
    with pytest.raises(UserError, match=r"RUN/step\[index\]"):
        parse(text, is_run)


@pytest.mark.parametrize("index", ["x", "", "-1", "1,", "1.5", "0,,7", "٣"])
def test_an_index_that_is_none_is_told_with_one_that_is(index: str) -> None:
    with pytest.raises(UserError, match=r"is no index; right would be .* such as \[3\]"):
        parse(f"filter[{index}]", is_run)


@given(
    st.from_regex(r"[a-z_]\w{0,8}(/[a-z_]\w{0,8})?", fullmatch=True),
    st.lists(st.integers(0, 10**9), max_size=4),
)
def test_what_a_job_is_called_names_it(step: str, path: list[int]) -> None:
    address = parse(f"2030/{job_name(step, tuple(path))}", is_run)
    assert address == Address("2030", step, tuple(path) or None)
    assert job_name(step, "/".join(map(str, path))) == job_name(step, tuple(path))
