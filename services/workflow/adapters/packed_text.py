"""Long texts in rows: as they are while they are short, else packed by zlib and written in base64."""

import base64
import zlib

_SHORT = 4_096
_PACKED = "zlib:"
_PLAIN = "text:"


def pack(text: str) -> str:
    """What `unpack` makes the same text of."""
    if len(text) <= _SHORT:
        return _PLAIN + text
    return _PACKED + base64.b64encode(zlib.compress(text.encode())).decode()


def unpack(packed: str) -> str:
    """Raises ValueError for what `pack` did not make."""
    if packed.startswith(_PLAIN):
        return packed.removeprefix(_PLAIN)
    if not packed.startswith(_PACKED):
        raise ValueError("not a packed text")
    return zlib.decompress(base64.b64decode(packed.removeprefix(_PACKED))).decode()
