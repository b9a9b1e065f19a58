"""StemStudio: a desktop stem editor for musicians."""

__version__ = "0.1.0"
