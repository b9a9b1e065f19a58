"""Fixtures of several tests of the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from split_song import Stage, stage

from stemstudio.project.project import Project


@pytest.fixture
def show(qtbot) -> Iterator[Callable[[Project | None], Stage]]:
    """Show a project on a sheet of its own."""
    stages: list[Stage] = []

    def shown(project: Project | None) -> Stage:
        stages.append(stage(qtbot, project, qtbot.waitUntil))
        return stages[-1]

    yield shown
    for made in stages:
        made.document.jobs.close()
