"""Theme: the colours of the window, dark or light, and how they reach Qt's widgets."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from stemstudio.gui.stylesheet import stylesheet


@dataclass(frozen=True)
class Theme:
    """Named colours, each "#rrggbb".

    Attributes
    ----------
    name
        "dark" or "light".
    background, panel, raised, hover, pressed
        Window, panels on it, things on panels, and those under the pointer or held down.
    card
        Strips of the mixer and goals: what can be picked up or chosen as a whole.
    sheet
        Behind the spectrogram, the rows of atoms and the meters: always the darkest, as light is drawn on it.
    groove, border
        Of sliders and scroll bars; thin lines.
    text, muted, faint
        Words, side words, and what is out of use or undone.
    accent, accent_hover, on_accent, link
        The one colour that says "press me", words on it, and words that can be pressed.
    chosen
        Behind chosen rows.
    mute, mute_back, solo, solo_back
        The M and S buttons that are on.
    good, warning, danger
        Meters and messages.
    """

    name: str
    background: str
    panel: str
    raised: str
    card: str
    hover: str
    pressed: str
    sheet: str
    groove: str
    border: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    on_accent: str
    link: str
    chosen: str
    mute: str
    mute_back: str
    solo: str
    solo_back: str
    good: str
    warning: str
    danger: str

    @property
    def dark(self) -> bool:
        return self.name == "dark"

    def colour(self, role: str, alpha: float = 1.0) -> QColor:
        """A named colour for painting, `alpha` from 0 to 1."""
        found = QColor(getattr(self, role))
        found.setAlphaF(alpha)
        return found

    def ink(self, colour: str | QColor) -> QColor:
        """A stem's colour as it can be read on a panel: contrast 4.5 or more, hue kept."""
        found, panel = QColor(colour), QColor(self.panel)
        pole = 1.0 if self.dark else 0.0
        while contrast(found, panel) < 4.5:
            # Towards white or black the hue stays.
            parts = (found.redF(), found.greenF(), found.blueF())
            found = QColor.fromRgbF(*(value + 0.06 * (pole - value) for value in parts))
        return found


DARK = Theme(
    name="dark",
    background="#0e1015",
    panel="#171a21",
    raised="#1f232c",
    card="#1d2129",
    hover="#2a2f3b",
    pressed="#343a48",
    sheet="#07080b",
    groove="#2b303b",
    border="#2c313c",
    text="#e8eaf0",
    muted="#a3a9b8",
    faint="#767d8e",
    accent="#3e6fe2",
    accent_hover="#5b8cff",
    on_accent="#ffffff",
    link="#8fb0ff",
    chosen="#29365a",
    mute="#ffc857",
    mute_back="#5a4210",
    solo="#45e0a8",
    solo_back="#12503a",
    good="#35d09a",
    warning="#ffc857",
    danger="#ff6b6b",
)

LIGHT = Theme(
    name="light",
    background="#e9ebf0",
    panel="#f8f9fb",
    raised="#e0e4ec",
    card="#fbfbfd",
    hover="#d5dbe6",
    pressed="#c6cedc",
    sheet="#12141a",
    groove="#cdd2dc",
    border="#c9cfda",
    text="#1b1e26",
    muted="#525968",
    faint="#737a89",
    accent="#2f63e0",
    accent_hover="#2456cf",
    on_accent="#ffffff",
    link="#2456cf",
    chosen="#d5e0fb",
    mute="#6b4a00",
    mute_back="#ffdf94",
    solo="#00573a",
    solo_back="#9fe8cb",
    good="#0b7f57",
    warning="#8a5c00",
    danger="#cc2f3f",
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT)}
_current = DARK


def current() -> Theme:
    """The theme the window wears."""
    return _current


def apply(app: QCoreApplication | None, name: str = "dark") -> Theme:
    """Dress the application; every widget is repainted."""
    global _current
    assert isinstance(app, QApplication)
    _current = THEMES.get(name, DARK)
    if not app.styleSheet():  # else it has been dressed, and another style would dress every widget once more
        app.setStyle("Fusion")
    app.setPalette(palette(_current))
    app.setStyleSheet(stylesheet(asdict(_current)))
    return _current


def restyle(widget: QWidget, **properties: object) -> None:
    """Give a widget properties that the style sheet goes by, such as role="error", and draw it after them."""
    changed = {name: value for name, value in properties.items() if widget.property(name) != value}
    for name, value in changed.items():
        widget.setProperty(name, value)
    if changed:
        widget.style().polish(widget)


def contrast(first: QColor, second: QColor) -> float:
    """Contrast of two colours after WCAG 2: from 1 to 21."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palette(theme: Theme) -> QPalette:
    """Qt's own colours."""
    made = QPalette()
    roles = {
        QPalette.ColorRole.Window: theme.background,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Base: theme.panel,
        QPalette.ColorRole.AlternateBase: theme.raised,
        QPalette.ColorRole.ToolTipBase: theme.raised,
        QPalette.ColorRole.ToolTipText: theme.text,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.PlaceholderText: theme.faint,
        QPalette.ColorRole.Button: theme.raised,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.BrightText: theme.danger,
        QPalette.ColorRole.Link: theme.link,
        QPalette.ColorRole.LinkVisited: theme.link,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: theme.on_accent,
        QPalette.ColorRole.Accent: theme.accent,
        QPalette.ColorRole.Light: theme.hover,
        QPalette.ColorRole.Midlight: theme.hover,
        QPalette.ColorRole.Mid: theme.border,
        QPalette.ColorRole.Dark: theme.groove,
        QPalette.ColorRole.Shadow: theme.sheet,
    }
    for role, colour in roles.items():
        made.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.faint))
    return made


def _luminance(colour: QColor) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(value) for value in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
