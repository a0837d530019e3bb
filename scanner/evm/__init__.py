"""What all reading of an EVM chain shares: nodes that answer JSON-RPC, logs, and calls against one block's state.

Nothing here knows what an approval is.
"""
