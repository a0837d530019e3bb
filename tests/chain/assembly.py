"""An assembler for the few contracts that no package has: hostile ones, and ones of rare standards."""

__all__ = ["assemble", "deployable"]

OPCODES = {
    "STOP": 0x00,
    "SUB": 0x03,
    "LT": 0x10,
    "EQ": 0x14,
    "SHR": 0x1C,
    "KECCAK256": 0x20,
    "CALLER": 0x33,
    "CALLDATALOAD": 0x35,
    "CALLDATASIZE": 0x36,
    "CALLDATACOPY": 0x37,
    "POP": 0x50,
    "MSTORE": 0x52,
    "SLOAD": 0x54,
    "SSTORE": 0x55,
    "JUMPI": 0x57,
    "GAS": 0x5A,
    "JUMPDEST": 0x5B,
    "DUP1": 0x80,
    "DUP2": 0x81,
    "SWAP1": 0x90,
    "LOG0": 0xA0,
    "LOG1": 0xA1,
    "LOG2": 0xA2,
    "LOG3": 0xA3,
    "LOG4": 0xA4,
    "CALL": 0xF1,
    "RETURN": 0xF3,
    "REVERT": 0xFD,
}


def assemble(source: str) -> bytes:
    """Bytecode of mnemonics in their order: numbers (also `0x…`) are pushed, `name:` is a place, `@name` pushes it."""
    code = bytearray()
    places: dict[str, int] = {}
    wanted: dict[int, str] = {}
    for word in source.split():
        if word.endswith(":"):
            places[word[:-1]] = len(code)
            code.append(OPCODES["JUMPDEST"])
        elif word.startswith("@"):
            wanted[len(code) + 1] = word[1:]
            code += b"\x61\0\0"  # PUSH2
        elif word in OPCODES:
            code.append(OPCODES[word])
        else:
            value = int(word, 0)
            length = max(1, (value.bit_length() + 7) // 8)
            code.append(0x5F + length)
            code += value.to_bytes(length, "big")
    for at, name in wanted.items():
        code[at : at + 2] = places[name].to_bytes(2, "big")
    return bytes(code)


def deployable(source: str) -> str:
    """Init code, as hex with 0x, that leaves the assembled code as the contract's own."""
    code = assemble(source)
    return f"0x61{len(code):04x}80600c6000396000f3{code.hex()}"  # PUSH2 length DUP1 PUSH1 12 PUSH1 0 CODECOPY … RETURN
