"""Watch what wallets have approved, and tell a person before somebody takes it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
