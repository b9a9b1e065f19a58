"""Computing: what can run a network on this machine, looked for once, and how the form of a recipe says it."""

from __future__ import annotations

from PySide6.QtCore import QObject

from stemstudio.algorithms.neural.devices import Machine, machine
from stemstudio.gui.forms import RecipeForm
from stemstudio.gui.jobs import Jobs

NAMES = {"auto": "best", "cpu": "CPU", "cuda": "GPU", "mps": "GPU"}
COST = "the stems differ by −40 dB or less"


class Computing(QObject):
    """Puts devices and precision into words, as soon as they are known."""

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._machine: Machine | None = None
        self._looking = False
        self._form: RecipeForm | None = None

    def show_in(self, form: RecipeForm) -> None:
        """From now on this is the form that says it."""
        self._form = form
        if self._machine is not None:
            self._put(form, self._machine)

    def look(self) -> None:
        """Find out, in the background and once, as torch takes its time; for a form that somebody looks at."""
        if not self._looking and self._form is not None and "device" in self._form.fields:
            self._looking = True
            self._jobs.run("Looking at what computes", lambda progress: machine(), self._known, heavy=False)

    def _known(self, found: Machine) -> None:
        self._machine = found
        if self._form is not None:
            self._put(self._form, found)

    def _put(self, form: RecipeForm, found: Machine) -> None:
        words = {name: f"{NAMES[name]}: {told}" for name, told in found.devices.items()}
        words["auto"] = words["auto"].replace("processor", NAMES["cpu"])  # or the box cuts it off
        missing = {name: "There is none here" for name in NAMES if name not in found.devices}
        form.say_choices("device", {**NAMES, "cuda": "GPU (CUDA)", "mps": "GPU (Apple)", **words}, missing)
        half = bool(found.half)
        form.say_choices(
            "precision",
            {"full": "full: exact", "half": f"half: faster, {COST}"},
            {} if half else {"half": "Nothing here is faster in half precision"},
        )
