"""Theme: the colours of the window, dark or light, and how they reach Qt's widgets."""

from __future__ import annotations

from dataclasses import dataclass, fields
from string import Template

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from stemstudio.resources import resource


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
            found = QColor.fromRgbF(*(value + 0.06 * (pole - value) for value in found.getRgbF()[:3]))
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
    faint="#6d7484",
    accent="#4a7cf0",
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
    faint="#8d94a3",
    accent="#2f63e0",
    accent_hover="#2456cf",
    on_accent="#ffffff",
    link="#2456cf",
    chosen="#d5e0fb",
    mute="#6b4a00",
    mute_back="#ffdf94",
    solo="#00573a",
    solo_back="#9fe8cb",
    good="#12a673",
    warning="#8a5c00",
    danger="#cc2f3f",
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT)}
_current = DARK


def current() -> Theme:
    """The theme the window wears."""
    return _current


def apply(app: QApplication, name: str = "dark") -> Theme:
    """Dress the application; every widget is repainted."""
    global _current
    _current = THEMES.get(name, DARK)
    app.setStyle("Fusion")
    app.setPalette(palette(_current))
    app.setStyleSheet(stylesheet(_current))
    return _current


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


def stylesheet(theme: Theme) -> str:
    """Qt style sheet of a theme."""
    colours = {each.name: getattr(theme, each.name) for each in fields(theme)}
    icons = {
        f"{word}_icon": resource(f"icons/{word}-{theme.name}.svg").as_posix()
        for word in ("down", "up", "right", "check", "dot", "tick", "bullet")
    }
    return Template(_SHEET).substitute(colours, **icons)


def _luminance(colour: QColor) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(value) for value in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


_SHEET = """
QMainWindow, QDialog { background: $background; }
QWidget { color: $text; }
QToolTip { background: $raised; color: $text; border: 1px solid $border; padding: 4px 6px; }

QMenuBar { background: $panel; padding: 2px; }
QMenuBar::item { background: transparent; padding: 4px 9px; border-radius: 5px; color: $muted; }
QMenuBar::item:selected, QMenuBar::item:pressed { background: $hover; color: $text; }
QMenu { background: $raised; border: 1px solid $border; padding: 5px; }
QMenu::item { padding: 5px 26px 5px 22px; border-radius: 5px; }
QMenu::item:selected { background: $accent; color: $on_accent; }
QMenu::item:disabled { color: $faint; background: transparent; }
QMenu::separator { height: 1px; background: $border; margin: 5px 8px; }
QMenu::right-arrow { image: url("$right_icon"); width: 10px; height: 10px; right: 6px; }
QMenu::indicator { width: 12px; height: 12px; left: 6px; }
QMenu::indicator:checked { image: url("$tick_icon"); }
QMenu::indicator:exclusive:checked { image: url("$bullet_icon"); }
QStatusBar { background: $panel; color: $muted; }
QStatusBar::item { border: none; }
QToolBar { background: $panel; border: none; spacing: 4px; padding: 3px; }

QDockWidget { color: $text; font-weight: 600; }
QDockWidget::title { background: $panel; padding: 7px 10px 5px 12px; border-top-left-radius: 8px;
    border-top-right-radius: 8px; text-align: left; }
QDockWidget > QWidget { background: $panel; }
QMainWindow::separator { background: $background; width: 6px; height: 6px; }
QMainWindow::separator:hover { background: $chosen; }
QSplitter::handle { background: $background; }
QSplitter::handle:hover { background: $chosen; }
QTabBar::tab { background: transparent; color: $muted; padding: 6px 12px; border: none;
    border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom: 2px solid $accent; }
QTabBar::tab:hover { color: $text; }
QTabWidget::pane { border: none; border-top: 1px solid $border; }

QFrame[panel="true"], QWidget[panel="true"] { background: $panel; border-radius: 8px; }
QFrame[raised="true"], QWidget[raised="true"] { background: $raised; border-radius: 8px; }
QLabel { background: transparent; }
QLabel[role="title"] { font-weight: 700; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="faint"] { color: $faint; }
QLabel[role="error"] { color: $danger; }
QLabel[role="warning"] { color: $warning; }
QLabel[role="good"] { color: $good; font-weight: 700; }

QPushButton, QToolButton { background: $raised; color: $text; border: 1px solid transparent; border-radius: 6px;
    padding: 4px 10px; }
QToolButton { padding: 3px 6px; }
QPushButton:hover, QToolButton:hover { background: $hover; }
QPushButton:pressed, QToolButton:pressed { background: $pressed; }
QPushButton:checked, QToolButton:checked { background: $chosen; border-color: $accent; }
QPushButton:focus, QToolButton:focus { border: 1px solid $accent_hover; }
QPushButton:disabled, QToolButton:disabled { color: $faint; }
QPushButton[primary="true"] { font-weight: 700; padding: 5px 16px; }
QPushButton[compact="true"] { padding: 2px 10px; }
QPushButton[primary="true"], QPushButton:default { background: $accent; color: $on_accent; }
QPushButton[primary="true"]:hover, QPushButton:default:hover { background: $accent_hover; }
QPushButton[primary="true"]:focus, QPushButton:default:focus { border: 1px solid $text; }
QPushButton[primary="true"]:disabled, QPushButton:default:disabled { background: $raised; color: $faint; }
QPushButton[flat="true"], QToolButton[flat="true"] { background: transparent; }
QToolButton[small="true"], QPushButton[small="true"] { padding: 0; }
QPushButton[flat="true"]:hover, QToolButton[flat="true"]:hover { background: $hover; }
QPushButton[link="true"], QToolButton[link="true"] { background: transparent; color: $link; text-align: left;
    padding: 2px 4px; }
QPushButton[link="true"]:hover, QToolButton[link="true"]:hover { background: $hover; }
QPushButton[link="true"]:disabled, QToolButton[link="true"]:disabled { color: $faint; }
QPushButton[strip="mute"], QPushButton[strip="solo"] { padding: 1px 0; font-weight: 700; color: $muted;
    background: $hover; border-radius: 4px; }
QPushButton[strip="mute"]:hover, QPushButton[strip="solo"]:hover { color: $text; }
QPushButton[strip="mute"]:checked { background: $mute_back; color: $mute; border-color: transparent; }
QPushButton[strip="solo"]:checked { background: $solo_back; color: $solo; border-color: transparent; }
QPushButton[strip="mute"]:focus, QPushButton[strip="solo"]:focus { border-color: $accent_hover; }
QToolButton::menu-indicator { image: none; }
QToolButton[popupMode="2"]::menu-indicator, QPushButton::menu-indicator { image: url("$down_icon");
    subcontrol-position: right center; subcontrol-origin: padding; right: 5px; width: 9px; height: 9px; }
QToolButton[popupMode="2"] { padding-right: 18px; }

QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox {
    background: $raised; border: 1px solid $border; border-radius: 5px; padding: 3px 6px;
    selection-background-color: $accent; selection-color: $on_accent; min-height: 1.1em; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {
    border: 1px solid $accent_hover; }
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled { color: $faint; }
QLineEdit[wrong="true"], QSpinBox[wrong="true"], QDoubleSpinBox[wrong="true"] { border: 1px solid $danger; }
QComboBox { padding-right: 20px; }
QComboBox:hover { background: $hover; }
QComboBox::drop-down { border: none; width: 18px; }
QComboBox::down-arrow { image: url("$down_icon"); width: 10px; height: 10px; }
QComboBox QAbstractItemView { background: $raised; border: 1px solid $border; padding: 4px; outline: none;
    selection-background-color: $accent; selection-color: $on_accent; }
QSpinBox, QDoubleSpinBox { padding: 3px 16px 3px 6px; }
QAbstractSpinBox QLineEdit { background: transparent; border: none; border-radius: 0; padding: 0; margin: 0 0 0 5px;
    min-height: 0; }
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {
    background: transparent; border: none; width: 15px; }
QSpinBox::up-button:hover, QDoubleSpinBox::up-button:hover,
QSpinBox::down-button:hover, QDoubleSpinBox::down-button:hover { background: $pressed; border-radius: 3px; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url("$up_icon"); width: 8px; height: 8px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url("$down_icon"); width: 8px; height: 8px; }
QCheckBox, QRadioButton { background: transparent; spacing: 7px; padding: 2px; border: 1px solid transparent;
    border-radius: 5px; }
QCheckBox:focus, QRadioButton:focus { border: 1px solid $accent_hover; }
QCheckBox:disabled, QRadioButton:disabled { color: $faint; }
QCheckBox::indicator, QAbstractItemView::indicator, QGroupBox::indicator { width: 14px; height: 14px;
    border: 1px solid $faint; border-radius: 4px; background: $raised; }
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked, QGroupBox::indicator:checked {
    background: $accent; border-color: $accent; image: url("$check_icon"); }
QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid $faint; border-radius: 8px;
    background: $raised; }
QRadioButton::indicator:checked { background: $accent; border-color: $accent; image: url("$dot_icon"); }

QSlider { background: transparent; min-height: 18px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: $groove; }
QSlider::sub-page:horizontal { height: 4px; border-radius: 2px; background: $accent; }
QSlider::handle:horizontal { width: 12px; height: 14px; margin: -5px 0; border-radius: 6px; background: $text; }
QSlider::handle:horizontal:hover { background: $accent_hover; }
QSlider::groove:vertical { width: 4px; border-radius: 2px; background: $groove; }
QSlider::handle:vertical { height: 12px; margin: 0 -5px; border-radius: 6px; background: $text; }
QProgressBar { background: $groove; border: none; border-radius: 5px; height: 10px; text-align: center;
    color: transparent; }
QProgressBar::chunk { background: $accent_hover; border-radius: 5px; }

QScrollArea, QAbstractScrollArea { background: transparent; border: none; }
QScrollArea > QWidget > QWidget { background: transparent; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: 11px; }
QScrollBar:horizontal { height: 11px; }
QScrollBar::handle { background: $pressed; border-radius: 3px; margin: 2px; }
QScrollBar::handle:hover { background: $faint; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QAbstractItemView { background: $panel; alternate-background-color: $raised; border: none; outline: none;
    selection-background-color: $chosen; selection-color: $text; }
QListView, QTreeView { border-radius: 6px; }
QListView::item, QTreeView::item { padding: 3px 6px; border-radius: 5px; }
QListView::item:hover, QTreeView::item:hover { background: $hover; }
QListView::item:selected, QTreeView::item:selected { background: $chosen; color: $text; }
QListView:focus, QTreeView:focus, QTableView:focus { border: 1px solid $accent_hover; border-radius: 6px; }
QTableView { gridline-color: $border; }
QHeaderView::section { background: $raised; color: $muted; border: none; padding: 5px 8px; }
QGroupBox { border: 1px solid $border; border-radius: 8px; margin-top: 1.1em; padding: 8px 6px 6px 6px; }
QGroupBox::title { subcontrol-origin: margin; left: 10px; padding: 0 4px; color: $muted; }
"""
