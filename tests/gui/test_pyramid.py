from __future__ import annotations

import numpy as np
import pytest
from split_song import RATE, song, split_song

from stemstudio.audio.audio import Audio
from stemstudio.gui.light import MARK
from stemstudio.gui.pyramid import BLOCK, SLOTS, Pyramid, decibels, level_db, owner_codes
from stemstudio.gui.sheet_blocks import level_block
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.stft import StftSettings


def test_a_full_scale_sine_reads_0_db():
    grid = StftSettings()
    hertz = 100 * RATE / grid.fft  # the middle of a bin
    sine = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)[None]
    project = Project(Audio(sine, RATE), SongReference("", "", ""), grid)
    levels = level_block(project.state, "mix", 10, 20)
    assert levels.shape == (grid.bins, 10)
    assert level_db(int(levels[100].max())) == pytest.approx(0.0, abs=0.5)
    assert level_db(int(levels[1000].max())) < -100


def test_every_level_is_the_maximum_of_what_it_covers():
    rng = np.random.default_rng(1)
    values = rng.integers(1, 255, (33, 2 * BLOCK), dtype=np.uint8)
    pyramid = Pyramid(33, 2 * BLOCK, packed=True)
    for first in (0, BLOCK):
        pyramid.put_levels(first, values[:, first : first + BLOCK])
    for level, cells in enumerate(pyramid.levels):
        wide = values.reshape(33, -1, 2**level).max(axis=2)
        np.testing.assert_array_equal(cells >> 8, wide)


def test_a_coarse_cell_names_the_owner_of_its_brightest_bin():
    pyramid = Pyramid(4, BLOCK, packed=True)
    levels, owners = np.full((4, BLOCK), 10, np.uint8), np.full((4, BLOCK), 1, np.uint8)
    levels[2, 37], owners[2, 37] = 200, 5
    pyramid.put_levels(0, levels)
    pyramid.put_owners(0, owners)
    coarsest = pyramid.levels[-1]
    assert coarsest[2, 0] == 200 << 8 | 5
    assert coarsest[1, 0] == 10 << 8 | 1


def test_new_owners_of_a_few_frames_leave_the_rest_alone():
    pyramid = Pyramid(4, BLOCK, packed=True)
    pyramid.put_levels(0, np.full((4, BLOCK), 50, np.uint8))
    pyramid.put_owners(0, np.full((4, BLOCK), 1, np.uint8))
    pyramid.put_owners(101, np.full((4, 7), 3, np.uint8))
    owner = pyramid.levels[0][0] & (SLOTS - 1)
    assert set(owner[101:108]) == {3}
    assert set(owner[:101]) | set(owner[108:]) == {1}
    assert (pyramid.levels[0] >> 8 == 50).all()
    assert pyramid.levels[3][0, 101 // 8] & (SLOTS - 1) == 3


def test_a_long_recording_stays_below_a_gigabyte_and_keeps_its_peaks():
    hour = StftSettings().frames(3600 * 44100)
    pyramid = Pyramid(2049, hour, packed=True)
    extras = [Pyramid(2049, hour, packed=False, room=85_000_000) for _ in range(2)]
    assert pyramid.nbytes + sum(extra.nbytes for extra in extras) < 1_050_000_000
    values = np.zeros((2049, BLOCK), np.uint8)
    values[1801, 300] = 222
    for held in (pyramid, *extras):
        held.put_levels(0, values)
        assert held.cell(1801, 300) >> (8 if held.packed else 0) == 222


def test_decibels_are_cut_at_both_ends():
    power = np.array([0.0, 1e-30, 1e-6, 1.0, 1e9], dtype=np.float32)
    np.testing.assert_array_equal(decibels(power, 1.0), [0, 0, 120, 240, 255])


def test_owner_codes_say_who_and_how_much():
    shares = np.array([[[0.9, 0.4, 0.0]], [[0.1, 0.6, 0.0]]], dtype=np.float32)
    codes = owner_codes(np.array([7, 9], np.uint8), shares)
    assert [int(code) & 31 for code in codes[0]] == [7, 9, 0]
    assert [int(code) >> 5 for code in codes[0]] == [7, 4, 0]


def test_only_decoded_frames_are_drawn_and_the_rest_follows(show, qtbot):
    made = show(None)
    project = song(40.0)
    made.document.set_project(project)
    made.document.set_reading(20 * RATE, False)
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    sheet = made.light.sheet
    bin_220 = round(220 * 4096 / RATE)
    assert sheet.cell(bin_220, 400) >> 8 > 200
    assert sheet.cell(bin_220, 1500) == 0
    made.document.set_reading(40 * RATE, True)
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert sheet.cell(bin_220, 1500) >> 8 > 200


def test_left_and_right_show_what_is_there(show, qtbot):
    made = show(song())
    bin_3520 = round(3520 * 4096 / RATE)
    loud = made.light.sheet.cell(bin_3520, 100) >> 8
    made.document.set_look(channel="right")
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    right = made.light.sheet.cell(bin_3520, 100) >> 8
    made.document.set_look(channel="left")
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    left = made.light.sheet.cell(bin_3520, 100) >> 8
    assert right < 120 < loud < left


def test_owners_and_the_dominant_stem_follow_the_split(show):
    made = show(split_song())
    light = made.light
    low, high = (
        light.sheet.cell(round(220 * 4096 / RATE), 100),
        light.sheet.cell(round(3520 * 4096 / RATE), 100),
    )
    assert made.stem_in(low & 31) == made.stem("bass")
    assert made.stem_in(high & 31) == made.stem("lead")
    assert made.stem_in(int(light.dominant[100 // MARK])) == made.stem("bass")


def test_a_stroke_renews_only_the_frames_it_touches(show, qtbot):
    from stemstudio.project import edits
    from stemstudio.project.project import PaintStroke
    from stemstudio.spectral.brushes import BrushStroke

    made = show(split_song(30.0))
    seen = []
    made.light.filled.connect(lambda first, last: seen.append((first, last)))
    stroke = BrushStroke(points=((10.0, 220.0), (10.4, 220.0)), width=0.1, height=0.5, hardness=1, strength=1)
    state = made.document.state
    edit = edits.paint(
        state, made.document.project.new_id(), PaintStroke(made.stem("lead"), False, stroke), "Brush"
    )
    made.document.do(edit)
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert sum(last - first for first, last in seen) < 40
    frame = round(10.2 * RATE / 1024)
    assert made.owner(round(220 * 4096 / RATE), frame) == made.stem("lead")
    made.document.undo()
    qtbot.waitUntil(lambda: made.light.idle, timeout=10_000)
    assert made.owner(round(220 * 4096 / RATE), frame) == made.stem("bass")
