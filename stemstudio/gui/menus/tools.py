"""The Tools menu: the tool in the hand, the brush, and the drawn melody."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from stemstudio.algorithms.melody import Melody
from stemstudio.gui.menus.menu import Command, Menu
from stemstudio.gui.tools import TOOLS, painting
from stemstudio.gui.tools.toolbox import HARDNESS_STEP, SIZE_STEP, STRENGTH_STEP
from stemstudio.project import edits
from stemstudio.project.stem import MIXTURE
from stemstudio.spectral.lines import PitchLine


def _tools(choose: Callable[..., None]) -> Iterable[Command]:
    for place, tool in enumerate(TOOLS):
        yield Command(choose, tool.title, tool.tip, (tool.key,), argument=place)


class ToolsMenu(Menu):
    """The tool in the hand, and the melody that one of them draws."""

    words = "&Tools"

    def choose_tool(self, place: int) -> None:
        self.window.tools.choose(self.window.tools.tools[place].name)

    def brush_smaller(self) -> None:
        self.window.tools.resize(1 / SIZE_STEP)

    def brush_larger(self) -> None:
        self.window.tools.resize(SIZE_STEP)

    def brush_softer(self) -> None:
        self.window.tools.shift("hardness", -HARDNESS_STEP)

    def brush_harder(self) -> None:
        self.window.tools.shift("hardness", HARDNESS_STEP)

    def brush_weaker(self) -> None:
        self.window.tools.shift("strength", -STRENGTH_STEP)

    def brush_stronger(self) -> None:
        self.window.tools.shift("strength", STRENGTH_STEP)

    def swap_mode(self) -> None:
        """Hard paint or hints."""
        tools = self.window.tools
        tools.set_mode("hard" if tools.mode == "hint" else "hint")
        words = (
            "Hints: paint teaches whose the sound is"
            if tools.mode == "hint"
            else "Hard: paint moves the light"
        )
        self.document.said.emit(words)

    def find_melody(self, stem: int = MIXTURE) -> None:
        self.window.melody_finding.find(stem)

    def paint_melody(self) -> None:
        value = self.window.tools.value
        painting.paint_melody(
            self.document,
            value("cents"),
            round(value("partials")),
            value("strength"),
            hint=self.window.tools.mode == "hint",
        )

    def separate_melody(self) -> None:
        """Fill the drawn melody into its recipe; Run takes it out."""
        state, value = self.document.state, self.window.tools.value
        if state is None or not state.melody:
            self.document.said.emit(painting.NO_MELODY)
            return
        recipe = Melody(track=state.melody.track, width=value("cents"), partials=round(value("partials")))
        self.window.docks["Separate"].show()
        self.window.docks["Separate"].raise_()
        self.window.separate.fill_in(recipe)
        self.document.said.emit("The melody is filled in; Run takes it out, with its overtones.")

    def forget_melody(self) -> None:
        self.document.do(edits.draw_melody(PitchLine(), "Forget the melody"))

    commands = (
        *_tools(choose_tool),
        Command(brush_smaller, "Brush s&maller", "", ("[",), rule_before=True),
        Command(brush_larger, "Brush &larger", "", ("]",)),
        Command(brush_softer, "Brush s&ofter", "", ("Shift+[", "Shift+{", "{")),
        Command(brush_harder, "Brush &harder", "", ("Shift+]", "Shift+}", "}")),
        Command(brush_weaker, "Less strength", "", (",",)),
        Command(brush_stronger, "More strength", "", (".",)),
        Command(swap_mode, "Swap hard paint and &hint", "Hard paint moves the light itself; a hint teaches the stems whose it is.", ("X",)),
        Command(find_melody, "&Find the melody", "Listen for it, within the selection where there is one, and draw it to be corrected.", (), "song", rule_before=True),
        Command(paint_melody, "&Paint the melody", "The drawn melody and its overtones go to the target stem.", (), "melody"),
        Command(separate_melody, "&Separate this melody…", "Fill the drawn melody into its recipe in Separate.", (), "melody"),
        Command(forget_melody, "For&get the melody", "Take the drawn melody off the sheet.", (), "melody"),
    )  # fmt: skip
