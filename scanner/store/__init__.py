"""Where everything that is known is kept, so that nothing lives only in memory."""
