from pathlib import Path

from orchard.report.stages import Stages, read_stages


def test_recorded_stages_are_read_by_a_later_step(tmp_path: Path) -> None:
    stages = Stages("inventory")
    with stages.record("list", 3) as stage:
        stage.images = 7
    with stages.record("sum", 2, 9):
        pass

    stages.write(str(tmp_path))

    found = read_stages(str(tmp_path), "inventory")
    assert found == stages.as_json()
    assert [(stage["step"], stage["name"], stage["tasks"], stage["images"]) for stage in found] == [
        ("inventory", "list", 3, 7),
        ("inventory", "sum", 2, 9),
    ]
    first, second = found
    assert 1.7e12 < first["startedAt"] <= first["endedAt"] <= second["startedAt"] <= second["endedAt"]  # type: ignore[operator]


def test_a_step_that_has_not_run_has_no_stages(tmp_path: Path) -> None:
    assert read_stages(str(tmp_path), "features") == []
