"""The pure parts of the Slurm backend: argument lists, parsers, meanings, batches, profiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from helios_wf_slurm import commands, ending, parsing, scripts
from helios_wf_slurm.commands import Need, need_of, task_time_s
from helios_wf_slurm.driver import environment
from helios_wf_slurm.meanings import REASONS, is_away, refuses, why_waiting
from helios_wf_slurm.pace import LARGEST, cut
from helios_wf_slurm.parsing import Entry, Partition
from helios_wf_slurm.profile import KEYS, Profile, read_profile
from helios_wf_slurm.site import Site, never
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.errors import SettingsError
from helios_wf.model import EventRange, Feeding, JobSpec, Json, Resources, Way

NEED = Need("run", 2, 300, 0, None)
NAME = "helios-0123456789abcdef"


def spec(tool: str = "t", number: int = 0, resources: Resources | None = None) -> JobSpec:
    return JobSpec("run", f"0/{number}", 1, tool, f"/w/{number}", resources=resources or Resources())


# -- argument lists ----------------------------------------------------------------------------------------


def test_an_array_asks_for_what_one_task_needs() -> None:
    profile = Profile(partition="long", account="spd", qos="low", constraint="avx&(a|b)", extra=("--nice=5",))
    call = commands.sbatch_array(NAME, "/shared/x y", Need("run", 2, 300, 1, 90.0), profile, 7, 3)
    assert call[0] == "sbatch"
    assert call[-2:] == ["/shared/x y/task.sh", "/shared/x y"]
    for option in (
        "--array=0-6%3",
        "--cpus-per-task=2",
        "--mem=400M",
        "--gpus=1",
        # 90 s for a job, 60 s to begin others in, 60 s for what is not jobs
        "--time=4",
        "--partition=long",
        "--account=spd",
        "--qos=low",
        "--constraint=avx&(a|b)",
        "--nice=5",
        "--no-requeue",
        f"--job-name={NAME}",
    ):
        assert option in call


def test_without_a_limit_the_partition_says_how_long() -> None:
    call = commands.sbatch_array(NAME, "/x", NEED, Profile(), 1, None)
    assert not [option for option in call if option.startswith(("--time", "--gpus", "--partition"))]
    assert "--array=0-0" in call


def test_a_pool_asks_for_all_its_workers() -> None:
    call = commands.sbatch_pool(NAME, "/x", NEED, Profile(pool_nodes=3), 4)
    assert {"--nodes=3", "--ntasks-per-node=4", "--cpus-per-task=2", "--mem=1600M"} <= set(call)


def test_a_time_limit_holds_for_each_event_range() -> None:
    ranges = tuple(EventRange(first, first + 10) for first in range(0, 50, 10))
    feeding = Feeding(Way.PROCESS, ranges)
    one = JobSpec("run", "0/0", 1, "t", "/w", resources=Resources(time_s=10), feeding=feeding)
    assert need_of(one).time_s == 50


def test_jobs_that_ask_for_nearly_the_same_go_together_with_what_suffices_for_all() -> None:
    one, near, far = (Need("run", 1, memory, 0, None) for memory in (1000, 1200, 1300))
    assert commands.alike(one, near)
    assert not commands.alike(one, far)
    assert commands.widest([one, near]) == near
    timed, longer = Need("run", 1, 1000, 0, 60.0), Need("run", 1, 900, 0, 100.0)
    assert commands.alike(timed, longer)
    assert commands.widest([timed, longer]) == Need("run", 1, 1000, 0, 100.0)
    for other in (Need("other", 1, 1000, 0, None), Need("run", 2, 1000, 0, None), timed):
        assert not commands.alike(one, other)


def test_a_pool_takes_what_needs_no_more_than_its_workers_have() -> None:
    pool = Need("run", 2, 1000, 0, 60.0)
    assert commands.suffices(pool, Need("run", 2, 500, 0, 30.0))
    assert not commands.suffices(pool, Need("run", 2, 1001, 0, 30.0))
    assert not commands.suffices(pool, Need("run", 2, 500, 0, 61.0))
    assert not commands.suffices(pool, Need("run", 4, 500, 0, 30.0))
    assert not commands.suffices(pool, Need("other", 2, 500, 0, 30.0))


def test_the_profile_s_time_goes_before() -> None:
    need = Need("run", 1, 1, 0, 30.0)
    assert task_time_s(need, Profile(time_minutes=7)) == 420
    assert task_time_s(need, Profile()) == 150


def test_scripts_hold_nothing_of_a_submission() -> None:
    for text in (scripts.TASK, scripts.POOL, scripts.WORKER):
        assert text.startswith("#!/bin/sh\n")
        assert "#SBATCH" not in text


# -- parsers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("out", "found"), [("12\n", "12"), ("12;cluster\n", "12"), ("note\n12\n", "12")])
def test_the_id_is_read(out: str, found: str) -> None:
    assert parsing.job_id(out) == found


@pytest.mark.parametrize("out", ["", "Submitted batch job 12", "12 13", "error"])
def test_what_is_no_id_is_none(out: str) -> None:
    assert parsing.job_id(out) is None


def test_the_queue_holds_our_tasks_only() -> None:
    out = "\n".join(
        [
            "CLUSTER: here",
            f"{NAME}|12|0|RUNNING|None|n1",
            f"{NAME}|12|17|PENDING|Resources|",
            f"{NAME}|13|N/A|NODE_FAIL|NodeDown|n2",
            "a job of|another kind|with bars",
            "helios-|14|0|RUNNING|None|n1",
            "another|15|0|RUNNING|None|n1",
        ]
    )
    assert parsing.queue(out) == [
        Entry(NAME, "12_0", 0, "RUNNING", "None", "n1"),
        Entry(NAME, "12_17", 17, "PENDING", "Resources", ""),
        Entry(NAME, "13", None, "NODE_FAIL", "NodeDown", "n2"),
    ]


def test_accounting_tells_tasks_that_never_started_together() -> None:
    out = f"{NAME}|12_0|CANCELLED by 0|n1\n{NAME}|12_[3-4,9%2]|CANCELLED|None assigned\nx|13|FAILED|n1\n"
    entries = parsing.accounts(out)
    assert [(entry.task, entry.state) for entry in entries] == [
        (0, "CANCELLED"),
        (3, "CANCELLED"),
        (4, "CANCELLED"),
        (9, "CANCELLED"),
    ]


def test_partitions_have_their_gpus_and_limits() -> None:
    out = "main*|up|infinite|3|4|4096|gpu:2\nfast|up|1-02:03:04|1|8+|1024|gpu:a100:2(S:0-1),gpu:t4:1\n"
    out += "slow|down|5:00|1|1|1|(null)"
    assert parsing.partitions(out) == [
        Partition("main", True, True, None, 3, 4, 4096, 2),
        Partition("fast", False, True, 93784.0, 1, 8, 1024, 3),
        Partition("slow", False, False, 300.0, 1, 1, 1, 0),
    ]


@given(st.text())
def test_parsers_take_whatever_comes(out: str) -> None:
    parsing.job_id(out)
    parsing.queue(out)
    parsing.accounts(out)
    parsing.partitions(out)
    parsing.config(out)


# -- meanings ----------------------------------------------------------------------------------------------


def test_a_refusal_is_told_from_a_limit_and_from_silence() -> None:
    refused = "sbatch: error: Batch job submission failed: Invalid partition name specified"
    limit = "sbatch: error: AssocMaxSubmitJobLimit sbatch: error: Job violates accounting/QOS policy"
    silent = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
    assert [refuses(words) for words in (refused, limit, silent)] == [True, False, False]
    assert [is_away(words) for words in (refused, limit, silent)] == [False, True, True]


def test_a_reason_is_said_in_slurms_words_and_ours() -> None:
    assert why_waiting("PENDING", "Resources").startswith("Resources: no node has enough")
    assert why_waiting("PENDING", "QOSMaxJobsPerUserLimit").endswith(REASONS["QOSMaxJobsPerUserLimit"])
    assert "away or reserved" in why_waiting("PENDING", "ReqNodeNotAvail, UnavailableNodes:n1")
    assert why_waiting("PENDING", "SomethingNew") == "SomethingNew"


# -- batches -----------------------------------------------------------------------------------------------


def test_jobs_make_about_the_wanted_time() -> None:
    chunks = list(cut([spec(number=n) for n in range(100)], lambda tool: 2.0, 20.0, width=1))
    assert [len(chunk) for chunk in chunks] == [10] * 10


def test_jobs_spread_over_what_can_run_at_once_but_not_below_what_is_worth_a_task() -> None:
    specs = [spec(number=n) for n in range(100)]
    assert [len(chunk) for chunk in cut(specs, lambda tool: 1.0, 60.0, 10, least_s=3.0)] == [10] * 10
    assert [len(chunk) for chunk in cut(specs, lambda tool: 0.1, 60.0, 100, least_s=3.0)] == [30, 30, 30, 10]


def test_a_job_of_which_nothing_is_known_stays_alone() -> None:
    assert [len(chunk) for chunk in cut([spec(number=n) for n in range(5)], lambda tool: None, 60.0, 2)] == [
        1
    ] * 5


@given(
    st.lists(st.sampled_from("abc"), max_size=300),
    st.dictionaries(st.sampled_from("abc"), st.floats(0.001, 1000)),
    st.integers(1, 50),
)
def test_every_job_is_in_one_chunk_in_order(tools: list[str], means: dict[str, float], width: int) -> None:
    specs = [spec(tool, number) for number, tool in enumerate(tools)]
    chunks = list(cut(specs, means.get, 60.0, width))
    assert [one for chunk in chunks for one in chunk] == specs
    assert all(0 < len(chunk) <= LARGEST for chunk in chunks)


# -- profiles ----------------------------------------------------------------------------------------------


def test_a_profile_goes_over_what_holds_for_all() -> None:
    options: dict[str, Json] = {
        "account": "spd",
        "partition": "short",
        "profile": "long",
        "profiles": {"long": {"partition": "long", "tasks_queued": 50}},
    }
    profile = read_profile(options)
    assert (profile.account, profile.partition, profile.tasks_queued) == ("spd", "long", 50)
    assert read_profile({**options, "profile": None}).partition == "short"


def test_an_unknown_profile_is_met_with_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match="no profile is called 'lnog'; there are: long, short"):
        read_profile({"profile": "lnog", "profiles": {"long": {}, "short": {}}})


@pytest.mark.parametrize("table", ["common", "profiles"])
def test_an_unknown_key_is_met_with_all_valid_ones(table: str) -> None:
    options: dict[str, Json] = (
        {"partitoin": "x"} if table == "common" else {"profiles": {"a": {"partitoin": "x"}}}
    )
    with pytest.raises(
        SettingsError, match="no setting is called 'partitoin'; did you mean 'partition'"
    ) as caught:
        read_profile(options)
    assert all(key in str(caught.value) for key in KEYS)


@pytest.mark.parametrize(
    "options",
    [
        {"partition": "a b"},
        {"partition": "$(id)"},
        {"account": "x\n#SBATCH --wrap=id"},
        {"qos": "'x'"},
        {"constraint": "`id`"},
        {"modules": ["root; id"]},
        {"extra": ["--wrap=id"]},
        {"extra": ["--array=0-9"]},
        {"extra": ["-J", "name"]},
        {"extra": ["--nice=1\n--wrap=x"]},
        {"mode": "both"},
        {"late_seconds": 0},
        {"tasks_queued": "many"},
        {"profiles": {"x": 3}},
    ],
)
def test_what_no_site_has_is_refused(options: dict[str, Json]) -> None:
    with pytest.raises(SettingsError, match=r"backends\.slurm"):
        read_profile(options)


# -- the rest ----------------------------------------------------------------------------------------------


def test_what_no_node_has_is_said_before_anything_is_submitted() -> None:
    nodes = parsing.partitions("main*|up|1:00:00|3|4|4096|gpu:2\nmain*|up|1:00:00|1|8|2048|(null)")
    assert never(Resources(cores=8, ram_mb=3000, gpus=2, time_s=3600), nodes) == []
    reasons = never(Resources(cores=9, ram_mb=4000, gpus=3, time_s=3601), nodes)
    assert len(reasons) == 4
    assert all("'main'" in reason or "partition" in reason for reason in reasons)
    assert never(Resources(cores=99), []) == []


def test_the_partition_of_the_profile_counts() -> None:
    site = Site(partitions=tuple(parsing.partitions("main*|up|1:00|3|4|4096|x\nbig|up|1:00|1|64|9999|x")))
    assert [one.name for one in site.nodes(Profile())] == ["main"]
    assert [one.name for one in site.nodes(Profile(partition="big"))] == ["big"]
    assert [one.name for one in site.nodes(Profile(partition="big,main"))] == ["main", "big"]


def test_the_environment_keeps_what_finds_slurm_and_nothing_else_of_it() -> None:
    given = {"SLURM_CONF": "c", "SLURM_JOB_ID": "1", "SBATCH_QOS": "q", "SQUEUE_SORT": "s", "PATH": "p"}
    assert environment(given) == {"SLURM_CONF": "c", "PATH": "p"}


@pytest.mark.parametrize("word", [*KEYS, "profile", *ending.ENDINGS])
def test_every_setting_and_every_ending_is_in_the_docs(word: str) -> None:
    assert f"`{word}`" in (Path(__file__).parents[2] / "docs" / "slurm.md").read_text(encoding="utf-8")


def test_no_ending_is_without_words() -> None:
    assert all(known.words for known in ending.ENDINGS.values())
