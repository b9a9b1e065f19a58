"""The ground the other tests stand on: known mixtures, a home apart, Qt heard."""

import os
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from signals import mixture

import stemstudio
from stemstudio.resources import resource

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_mixture_is_exactly_its_stems(channels):
    mix, stems = mixture(seconds=1.0, rate=22050, channels=channels)
    assert mix.samples.shape == (channels, 22050)
    assert list(stems) == ["drums", "bass", "chords", "lead"]
    total = np.zeros_like(mix.samples)
    for stem in stems.values():
        assert np.abs(stem.samples).max() > 0.05
        total = total + stem.samples
    assert np.array_equal(total, mix.samples)
    assert np.abs(mix.samples).max() < 1.0


def test_mixture_is_its_seed():
    first, again, other = (mixture(0.5, seed=seed)[0].samples for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_nothing_is_kept_in_the_users_own_folders():
    home = Path(os.environ["HOME"])
    assert home.name.startswith("stemstudio-")
    for folder in (
        platformdirs.user_data_dir("x"),
        platformdirs.user_config_dir("x"),
        platformdirs.user_cache_dir("x"),
    ):
        assert home in Path(folder).parents


def test_a_complaint_of_qt_fails_the_test_that_caused_it(request, pytester):
    patterns = request.config.getini("qt_log_ignore")
    pytester.makeini(
        f"[pytest]\nqt_api = pyside6\nqt_log_level_fail = {request.config.getini('qt_log_level_fail')}\n"
        + "qt_log_ignore =\n"
        + "".join(f"    {pattern}\n" for pattern in patterns)
    )
    pytester.makepyfile(
        """
        from PySide6.QtCore import QObject, qWarning

        def test_complains():
            qWarning("QPainter::begin: Paint device returned engine == 0")

        def test_fine():
            QObject()
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(failed=1, passed=1)


def test_shipped_files_are_found():
    assert resource("demo/demo.flac").stat().st_size > 100_000
    with pytest.raises(FileNotFoundError, match=r"demo/none\.flac"):
        resource("demo/none.flac")


def test_the_package_says_the_version_it_is_built_as():
    text = (Path(__file__).resolve().parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{stemstudio.__version__}"\n' in text
