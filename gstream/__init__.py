"""Stream the Gemini Interactions API: the library behind the command line."""

__version__ = "0.1.0"
