"""Actions: every command of the window declared once: menu, words, key, and which method of `Commands` it calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from stemstudio.gui.tools import TOOLS

Needs = Literal[
    "",
    "song",
    "stems",
    "atoms",
    "nmf",
    "chosen",
    "selection",
    "hints",
    "melody",
    "giving",
    "network",
    "beats",
]


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes
    ----------
    name
        Name of the method of `Commands`; also the key of a rebinding.
    menu
        Menu it stands in; "" for none (keys only).
    text, tip
        What the menu says, and one plain sentence.
    keys
        Default keys, the first is shown.
    needs
        Without which it is greyed out.
    held
        Whether it acts while the key is held, and ends with `<name>_end`.
    argument
        Passed to the method; -1 for none.
    checkable
        Whether it shows a tick.
    rule_before
        Whether a line stands above it in the menu.
    """

    name: str
    menu: str
    text: str
    tip: str = ""
    keys: tuple[str, ...] = ()
    needs: Needs = ""
    held: bool = False
    argument: int = -1
    checkable: bool = False
    rule_before: bool = False

    @property
    def id(self) -> str:
        return self.name if self.argument < 0 else f"{self.name} {self.argument}"


def _numbered(name: str, text: str, tip: str, key: str) -> Iterable[Command]:
    for n in range(1, 10):
        yield Command(name, "", text.format(n), tip.format(n), (key.format(n),), "song", argument=n)


def _mixers() -> Iterable[Command]:
    for place, letter in enumerate("ABCD"):
        tip = f"Go over to mixer {letter}; one that is not there yet begins as a copy of this one."
        yield Command("mixer", "", f"Mixer {letter}", tip, (f"F{5 + place}",), "song", argument=place)


def _tools() -> Iterable[Command]:
    for place, tool in enumerate(TOOLS):
        yield Command("choose_tool", "Tools", f"{tool.title}", tool.tip, (tool.key,), argument=place)


COMMANDS: tuple[Command, ...] = (
    Command("open", "File", "&Open…", "Open a song or a project.", ("Ctrl+O",)),
    Command("open_demo", "File", "Open the &demo song", "A short song with known stems, to try things on."),
    Command("save", "File", "&Save", "Save the project; the version before stays beside it as .bak.", ("Ctrl+S",), "song", rule_before=True),
    Command("save_as", "File", "Save &as…", "Save the project under another name.", ("Ctrl+Shift+S",), "song"),
    Command("embed_song", "File", "Keep the song &inside the project", "The project file then needs no other file.", (), "song", checkable=True),
    Command("export", "File", "&Export…", "Write stems, or the mix as heard, to files.", ("Ctrl+E",), "song", rule_before=True),
    Command("close_song", "File", "&Close", "Close the song.", ("Ctrl+W",), "song", rule_before=True),
    Command("quit", "File", "&Quit", "Leave StemStudio.", ("Ctrl+Q",)),
    Command("undo", "Edit", "&Undo", "Undo the last step.", ("Ctrl+Z",), "song"),
    Command("redo", "Edit", "&Redo", "Do the step again that was undone.", ("Ctrl+Shift+Z", "Ctrl+Y"), "song"),
    Command("select_all", "Edit", "Select &all", "Select the whole song.", ("Ctrl+A",), "song", rule_before=True),
    Command("select_none", "Edit", "Select &nothing", "Forget the selection.", ("Ctrl+D",), "song"),
    Command("give_selection", "Edit", "&Give selection to the target stem", "All the light inside goes to the stem that is outlined in the mixer; with the harmonics tool, the drawn melody.", ("Return", "Enter"), "giving"),
    Command("loop_selection", "Play", "&Loop the selection", "Repeat the selected time; again to go straight on.", ("Ctrl+L",), "song", rule_before=True),
    Command("zoom_in", "View", "Zoom &in", "Fewer seconds on the screen.", ("Ctrl++", "Ctrl+="), "song"),
    Command("zoom_out", "View", "Zoom &out", "More seconds on the screen.", ("Ctrl+-",), "song"),
    Command("zoom_fit", "View", "&Whole song", "All seconds and all frequencies.", ("Ctrl+0",), "song"),
    Command("zoom_selection", "View", "Zoom to the &selection", "Fill the screen with what is selected.", ("Ctrl+Shift+0",), "selection"),
    Command("toggle_overlay", "View", "&Overlay", "The mask of the selected atoms, over the spectrogram.", ("O",), "song", checkable=True, rule_before=True),
    Command("next_view", "View", "&Next overlay", "By stem, the mixture, one stem, its mask, doubt; and around again.", ("Shift+O",), "song"),
    Command("next_doubt", "View", "Next &doubtful place", "Where ways of separating differ most; the largest place comes first.", ("N",), "stems"),
    Command("previous_doubt", "View", "Doubtful place &before", "Back to the doubtful place before.", ("Shift+N",), "stems"),
    Command("show_room", "View", "&Room", "Spread the stems over loudspeakers, seen from above.", ("Ctrl+Shift+U",), "", rule_before=True),
    *_tools(),
    Command("brush_smaller", "Tools", "Brush s&maller", "", ("[",), rule_before=True),
    Command("brush_larger", "Tools", "Brush &larger", "", ("]",)),
    Command("brush_softer", "Tools", "Brush s&ofter", "", ("Shift+[", "Shift+{", "{")),
    Command("brush_harder", "Tools", "Brush &harder", "", ("Shift+]", "Shift+}", "}")),
    Command("brush_weaker", "Tools", "Less strength", "", (",",)),
    Command("brush_stronger", "Tools", "More strength", "", (".",)),
    Command("swap_mode", "Tools", "Swap hard paint and &hint", "Hard paint moves the light itself; a hint teaches the atoms whose it is.", ("X",)),
    Command("find_melody", "Tools", "&Find the melody", "Listen for it, within the selection where there is one, and draw it to be corrected.", (), "song", rule_before=True),
    Command("paint_melody", "Tools", "&Paint the melody", "The drawn melody and its overtones go to the target stem.", (), "melody"),
    Command("separate_melody", "Tools", "&Separate this melody…", "Fill the drawn melody into its recipe in Separate.", (), "melody"),
    Command("forget_melody", "Tools", "For&get the melody", "Take the drawn melody off the sheet.", (), "melody"),
    Command("run", "Separate", "&Run, or refine from hints", "Learn from new hints; where there are none, separate with the recipe in the panel.", ("Ctrl+Return",), "song"),
    Command("run_recipe_again", "Separate", "Run the re&cipe", "Separate with the recipe in the panel, whatever hints there are.", (), "song"),
    Command("add_take", "Separate", "&Add to comparison", "Separate with the recipe in the panel, to compare by ear; the song stays as it is.", ("Ctrl+Shift+Return",), "song"),
    Command("compare_by_ear", "Separate", "Compare by &ear…", "The takes of a stem, in the same loop and equally loud; keep the best.", ("Ctrl+Shift+H",), "song"),
    Command("refine", "Separate", "Refine from &hints", "Let the atoms learn from all hints, new and old.", (), "hints"),
    Command("paint_hints_hard", "Separate", "Paint hints hard that were &not followed", "Their light moves just as painted.", (), "hints"),
    Command("clear_hints", "Separate", "Clear all h&ints", "What was learned from them stays.", (), "hints"),
    Command("filter_stems", "Separate", "Tell stems apart by their &places", "One round of a filter that looks at where between the loudspeakers each stem of a network is.", (), "network", rule_before=True),
    Command("stems_as_atoms", "Separate", "Stems as a&toms", "Learn atoms from every stem of a network, each in its stem: drag one, and a sound moves in the whole song.", (), "network"),
    Command("stop_job", "Separate", "S&top", "Stop the running job; the song stays as it is, and finished parts can be kept.", (), "song"),
    Command("add_stem", "Separate", "&New empty stem", "A stem to paint into, or to give atoms to.", ("Ctrl+T",), "song", rule_before=True),
    Command("rename_stem", "Separate", "Re&name the target stem…", "", ("F2",), "stems"),
    Command("join_stem", "Separate", "&Put together again", "The stems that the target was split into become one again.", (), "stems"),
    Command("delete_stem", "Separate", "&Delete the target stem", "Its light goes to the residual.", (), "stems"),
    Command("several_songs", "Separate", "Se&veral songs…", "Take many songs apart one after another, each into a folder of its own.", ("Ctrl+Shift+O",), rule_before=True),
    Command("show_models", "Separate", "Trained &models…", "Which networks there are, which are on this machine; download, add, check, remove.", ("Ctrl+Shift+M",)),
    Command("compare", "Separate", "&Compare with true stems…", "Scores of the stems, where the true ones are known.", (), "song", rule_before=True),
    Command("teach_selection", "Separate", "&Learn a template from the selection…", "What is selected of the target stem teaches how a sound looks, to find it all over this song or another.", ("Ctrl+Shift+L",), "selection", rule_before=True),
    Command("teach_stem", "Separate", "Learn templates from the target &stem…", "All sounds of the target stem, or of the song, as templates.", (), "song"),
    Command("teach_file", "Separate", "Learn templates from a &file…", "A single hit, a stem or any recording teaches how its sounds look.", ()),
    Command("show_templates", "Separate", "Template lib&rary…", "Sounds that were taught: hear them, use them in this song, share them.", ("Ctrl+Shift+T",)),
    Command("suggest_atoms", "Atoms", "&Suggest stems", "Gather atoms that are alike into stems.", ("Ctrl+G",), "atoms"),
    Command("hear_atom", "Atoms", "&Hear the atom", "The selected atom alone.", ("Ctrl+H",), "atoms"),
    Command("lock_atoms", "Atoms", "&Lock or unlock", "Locked atoms stay in their stem.", ("Ctrl+K",), "atoms"),
    Command("go_on_atoms", "Atoms", "&Continue (100 rounds)", "Improve all atoms from where they are; none jumps or changes its place.", ("Ctrl+R",), "nmf", rule_before=True),
    Command("redraw_atoms", "Atoms", "&Draw the others anew", "Locked atoms stay – or the selected ones, where none is locked – and all others are found anew by another chance.", ("Ctrl+Shift+J",), "nmf"),
    Command("split_atom", "Atoms", "S&plit in two", "Take the selected atom apart into two; both stay in its stem.", ("Ctrl+Shift+K",), "chosen"),
    Command("merge_atoms", "Atoms", "&Merge", "Make the selected atoms one.", ("Ctrl+J",), "chosen"),
    Command("delete_atoms", "Atoms", "D&elete", "Take the selected atoms away; those that sound in the same place get their light.", ("Del",), "chosen"),
    Command("save_atoms", "Atoms", "&Save atoms…", "Write the atoms to a file, to start from them another time: “given” among the parameters of Atoms (NMF).", (), "nmf", rule_before=True),
    Command("select_all_atoms", "Atoms", "Select &all atoms", "", (), "atoms"),
    Command("play_pause", "Play", "&Play or pause", "", ("Space",), "song"),
    Command("play_selection", "Play", "Play the &selection only", "Its time and its frequencies, nothing else.", ("Shift+Space",), "song"),
    Command("to_start", "Play", "Back to the &start", "", ("Home",), "song"),
    Command("hear_before", "Play", "&Before the last edit (hold)", "As it was before the last edit, for as long as the key is held.", ("\\",), "song", held=True),
    Command("hear_original", "Play", "The &original (hold)", "The original mixture, for as long as the keys are held.", ("Shift+\\", "Shift+|", "|"), "song", held=True),
    Command("mute_target", "Play", "&Mute the target stem", "", ("M",), "stems", rule_before=True),
    Command("solo_target", "Play", "S&olo the target stem", "", ("S",), "stems"),
    Command("silence_target", "Play", "S&ilence the target in the selection", "The target stem is muted for as long as the time selection lasts.", (), "selection"),
    Command("shape_target", "Play", "&Equaliser, sends, volume curve…", "All that does not fit on the strip of the target stem.", ("Ctrl+Shift+E",), "song"),
    Command("draw_volume", "Play", "Draw the &volume curve", "The volume curve of the target stem, on the overview above the spectrogram.", (), "song", checkable=True),
    Command("auto_solo", "Play", "The target &alone while painting", "While a stroke is being made, the stem under work is heard alone.", (), "", checkable=True, rule_before=True),
    *_mixers(),
    Command("slower", "Practice", "S&lower", "A twentieth of the recorded tempo; the pitch stays.", ("Alt+Left",), "song"),
    Command("faster", "Practice", "&Faster", "A twentieth of the recorded tempo; the pitch stays.", ("Alt+Right",), "song"),
    Command("key_down", "Practice", "A semitone &down", "The tempo stays.", ("Alt+Down",), "song"),
    Command("key_up", "Practice", "A semitone &up", "The tempo stays.", ("Alt+Up",), "song"),
    Command("as_recorded", "Practice", "As &recorded", "The tempo and the key of the recording.", ("Alt+0",), "song"),
    Command("toggle_click", "Practice", "&Metronome", "Clicks on the beats; never exported.", ("Ctrl+Alt+M",), "song", checkable=True, rule_before=True),
    Command("toggle_snap", "Practice", "&Snap to beats", "Selections begin and end on beats.", ("Ctrl+Alt+B",), "song", checkable=True),
    Command("find_beats", "Practice", "Find &beats and key", "Listen for the beats, the bars and the key of the song, in the background.", (), "song", rule_before=True),
    Command("tap_tempo", "Practice", "&Tap the tempo", "Once a beat, while the song plays; the first tap begins a bar.", ("P",), "song"),
    Command("halve_beats", "Practice", "&Half as many beats", "", (), "beats"),
    Command("double_beats", "Practice", "T&wice as many beats", "", (), "beats"),
    Command("set_song_pace", "Practice", "Beats a &minute…", "Type them: the same tempo all through the song, from the bar at the playhead.", (), "song"),
    Command("set_song_key", "Practice", "&Key of the song…", "Where it was not found, or is another.", (), "song"),
    Command("begin_bar", "Practice", "A bar b&egins at the playhead", "At the beat nearest to it.", (), "beats"),
    Command("move_beat", "Practice", "Mo&ve the nearest beat to the playhead", "", (), "beats"),
    Command("forget_beats", "Practice", "F&orget the beats", "", (), "beats"),
    *_numbered("number", "Stem {}", "Make stem {} the target, or give it the selected atoms.", "{}"),
    *_numbered("solo_number", "Solo stem {}", "Solo stem {}.", "Alt+{}"),
    Command("escape", "", "Escape", "End the stroke, then the selection, then (asked) the job.", ("Esc",)),
    Command("show_help", "Help", "&Contents…", "What each way of separating is good for, what its parameters do to the sound, and how to work on stems.", ("Shift+F1",)),
    Command("show_keys", "Help", "&Keyboard…", "All keys; each can be changed.", ("F1",)),
    Command("show_about", "Help", "&About StemStudio", ""),
)  # fmt: skip

MENUS = ("File", "Edit", "View", "Tools", "Separate", "Atoms", "Play", "Practice", "Help")
MNEMONICS = {"Practice": "Pra&ctice"}
"""Menus that are not opened by their first letter, which another has."""
