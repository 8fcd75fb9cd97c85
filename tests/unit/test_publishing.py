"""Where outputs go, and how they get there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helios_wf.engine.destinations import Destinations, arrange
from helios_wf.engine.publish import carry_out
from helios_wf.errors import StoreError, UserError


class Place:
    """A folder with a run's work folder and an output folder."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.out = folder / "out"
        self.work.mkdir()

    def file(self, name: str, text: str = "text", **fields: Any) -> dict[str, Any]:
        """Returns a File that a job made."""
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return {"class": "File", "path": str(path), "basename": path.name, "size": len(text), **fields}

    def publish(self, value: Any, datasets: dict[str, list[str]] | None = None) -> Any:
        """Publishes one output, as a whole run does, and returns it."""
        folders = dict.fromkeys(datasets or {}, self.out / "dataset")
        places = Destinations(self.out, folders, datasets or {})
        arranged = arrange({"x": value}, places, self.work / "literals")
        carry_out(arranged.moves, self.work)
        return arranged.outputs["x"]

    def there(self) -> dict[str, str]:
        """Returns what was published, with its text."""
        return {
            str(path.relative_to(self.out)): path.read_text()
            for path in sorted(self.out.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_equal_names_get_numbers_and_their_secondary_files_go_with_them(place: Place) -> None:
    def made(number: int) -> dict[str, Any]:
        index = [
            place.file(f"{number}/a.bam.bai", f"bai {number}"),
            place.file(f"{number}/a.idx", f"idx {number}"),
        ]
        return place.file(f"{number}/a.bam", f"bam {number}", secondaryFiles=index)

    first, second = place.publish([made(1), made(2)])
    assert place.there() == {
        "a.bam": "bam 1",
        "a.bam.bai": "bai 1",
        "a.idx": "idx 1",
        "a_2.bam": "bam 2",
        "a_2.bam.bai": "bai 2",
        "a_2.idx": "idx 2",
    }
    siblings = second["secondaryFiles"]
    assert [Path(one["path"]).name for one in siblings] == ["a_2.bam.bai", "a_2.idx"]
    assert [one["basename"] for one in siblings] == ["a.bam.bai", "a.idx"]
    assert first["path"] == str(place.out / "a.bam")


def test_secondary_files_take_the_names_that_files_get_in_a_dataset(place: Place) -> None:
    value = place.file("a.bam", secondaryFiles=[place.file("a.bam.bai", "index")])
    place.publish([value], {"x": ["set.000000.bam"]})
    assert place.there() == {"dataset/set.000000.bam": "text", "dataset/set.000000.bam.bai": "index"}


def test_a_number_that_another_file_has_as_its_name_is_passed_over(place: Place) -> None:
    files = [place.file(f"{n}/{name}") for n, name in enumerate(["a_2.txt", "a.txt", "a.txt", "a.txt"])]
    names = [Path(one["path"]).name for one in place.publish(files)]
    assert names == ["a_2.txt", "a.txt", "a_3.txt", "a_4.txt"]


@pytest.mark.parametrize("name", ["..", ".", "../up.txt", "a/b", "/etc/x", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused_before_anything_moves(place: Place, name: str) -> None:
    made = place.file("y.txt") | {"basename": name}
    for value in (made, place.file("a", secondaryFiles=[made]), {"class": "Directory", "listing": [made]}):
        with pytest.raises(UserError, match="cannot be called"):
            place.publish(value)
    assert not place.out.exists()


def test_literals_of_expressions_become_files_and_folders(place: Place) -> None:
    literal = {
        "class": "Directory",
        "basename": "both",
        "listing": [place.file("made.txt"), {"class": "File", "basename": "said.txt", "contents": "hé"}],
    }
    found = place.publish([literal, {"class": "Directory", "basename": "empty", "listing": []}])
    assert place.there() == {"both/made.txt": "text", "both/said.txt": "hé"}
    assert (place.out / "empty").is_dir()
    assert [one["path"] for one in found[0]["listing"]] == [
        str(place.out / "both/made.txt"),
        str(place.out / "both/said.txt"),
    ]
    assert found[0]["listing"][1]["size"] == 3


def test_a_folder_joins_one_that_is_there_and_takes_nothing_of_it_away(place: Place) -> None:
    (place.out / "data").mkdir(parents=True)
    (place.out / "data/mine.txt").write_text("mine")
    place.file("data/sub/new.txt")
    place.publish({"class": "Directory", "path": str(place.work / "data")})
    assert place.there() == {"data/mine.txt": "mine", "data/sub/new.txt": "text"}


def test_links_in_a_folder_still_lead_to_something_when_the_work_folder_is_gone(place: Place) -> None:
    place.file("beside.txt", "beside")
    place.file("other/deep.txt", "deep")
    place.file("data/own.txt", "own")
    (place.work / "data/near").symlink_to("own.txt")
    (place.work / "data/own_by_path").symlink_to(place.work / "data/own.txt")
    (place.work / "data/far").symlink_to(place.work / "beside.txt")
    (place.work / "data/folder").symlink_to(place.work / "other")
    place.publish({"class": "Directory", "path": str(place.work / "data")})
    place.work.rename(place.work.with_name("gone"))
    assert place.there() == {
        "data/near": "own",
        "data/own.txt": "own",
        "data/own_by_path": "own",
        "data/far": "beside",
        "data/folder/deep.txt": "deep",
    }
    assert (place.out / "data/near").readlink() == Path("own.txt")


def test_an_input_that_is_passed_on_is_copied_and_stays(place: Place, tmp_path: Path) -> None:
    given = tmp_path / "given.txt"
    given.write_text("given")
    value = {"class": "File", "path": str(given), "size": 5}
    found = place.publish([value, value])
    assert place.there() == {"given.txt": "given"}
    assert found[0] == found[1]
    assert given.read_text() == "given"


def test_publishing_once_more_after_a_stop_anywhere_gives_the_same(place: Place) -> None:
    literal = {"class": "File", "basename": "said", "contents": "said"}
    made = place.file("made.txt", secondaryFiles=[place.file("made.txt.idx")])
    value = [{"class": "Directory", "basename": "d", "listing": [made, literal]}, literal]
    arranged = arrange({"x": value}, Destinations(place.out, {}, {}), place.work / "literals")
    for until in range(len(arranged.moves) + 1):
        carry_out(arranged.moves[:until], place.work)
        again = arrange({"x": value}, Destinations(place.out, {}, {}), place.work / "literals")
        assert again == arranged
    carry_out(arranged.moves, place.work)
    assert place.there() == {"d/made.txt": "text", "d/made.txt.idx": "text", "d/said": "said", "said": "said"}


def test_a_file_that_is_gone_or_was_changed_is_not_taken_for_published(place: Place) -> None:
    value = place.file("a.txt", checksum="sha1$0000")
    place.publish(value)
    with pytest.raises(StoreError, match=r"is gone, and .* is not the same file"):
        place.publish(value)


def test_a_file_does_not_take_the_place_of_a_folder(place: Place) -> None:
    (place.out / "a.txt").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot publish"):
        place.publish(place.file("a.txt"))


def test_a_file_whose_size_nobody_said_is_known_again_after_a_stop(place: Place) -> None:
    value = {"class": "File", "path": place.file("a.txt", "12345")["path"]}
    assert place.publish(value)["size"] == 5
    assert place.publish(value)["size"] == 5
