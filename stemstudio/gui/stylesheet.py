"""The style sheet: how Qt's own widgets look in a theme."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from stemstudio.resources import resource

ICONS = ("down", "up", "right", "check", "dot", "tick", "bullet")


def stylesheet(colours: Mapping[str, str]) -> str:
    """Qt style sheet of a theme, from its colours by name; `colours["name"]` is the theme's."""
    icons = {f"{word}_icon": resource(f"icons/{word}-{colours['name']}.svg").as_posix() for word in ICONS}
    return Template(_SHEET).substitute(colours, **icons)


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
QDockWidget::title { background: $panel; padding: 7px 10px 5px 7px; border-top-left-radius: 8px;
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
QPushButton[compact="true"] { padding: 2px 10px; background: $hover; }
QPushButton[compact="true"]:hover { background: $pressed; }
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
QPushButton[strip] { padding: 1px 0; font-weight: 700; color: $muted;
    background: $hover; border-radius: 4px; }
QPushButton[strip]:hover { color: $text; }
QPushButton[strip="mute"]:checked { background: $mute_back; color: $mute; border-color: transparent; }
QPushButton[strip="solo"]:checked { background: $solo_back; color: $solo; border-color: transparent; }
QPushButton[strip="shape"][lit="true"], QPushButton[strip="letter"]:checked { background: $chosen; color: $link;
    border-color: transparent; }
QPushButton[strip="letter"][lit="true"] { color: $text; }
QPushButton[strip]:focus { border-color: $accent_hover; }
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
QTextBrowser[page="true"] { background: $panel; border: 1px solid transparent; border-radius: 8px; padding: 0; }
QTextBrowser[page="true"]:focus { border: 1px solid $border; }
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
QListView, QTreeView, QTableView { border: 1px solid transparent; border-radius: 6px; }
QListView::item, QTreeView::item { padding: 3px 6px; border-radius: 5px; }
QListView::item:hover, QTreeView::item:hover { background: $hover; }
QListView::item:selected, QTreeView::item:selected { background: $chosen; color: $text; }
QListView:focus, QTreeView:focus, QTableView:focus { border-color: $accent_hover; }
QTableView { gridline-color: $border; }
QTableView::item { padding: 2px 8px; }
QHeaderView::section { background: $raised; color: $muted; border: none; padding: 5px 8px; }
QGroupBox { border: 1px solid $border; border-radius: 8px; margin-top: 1.1em; padding: 8px 6px 6px 6px; }
QGroupBox::title { subcontrol-origin: margin; left: 10px; padding: 0 4px; color: $muted; }
"""
