"""The one exception of the wire layer, and the closed list of reasons it can carry.

A reason is a stable code, because quarantine entries, metrics and `pm decode` all show it. A frame
of another relay domain is not an error: it is returned as an ignored frame.
"""

from __future__ import annotations

from typing import Literal

ErrorCode = Literal[
    "incomplete_header",
    "bad_magic",
    "payload_too_large",
    "incomplete_payload",
    "checksum_missing",
    "checksum_mismatch",
    "unsupported_version",
    "unsupported_source",
    "compressed_flag",
    "encrypted_flag",
    "truncated_tlv",
    "bad_extended_header",
    "unknown_layout",
    "invalid_enum",
    "side_sign_mismatch",
]


class FrameError(Exception):
    """A frame that cannot be used, wholly: nothing of it may be applied.

    `missing` counts the bytes an incomplete frame still lacks; `field` and `value` name what is
    wrong in it. Details that do not belong to the code stay None.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        tlv_type: int | None = None,
        tlv_len: int | None = None,
        payload_size: int | None = None,
        missing: int | None = None,
        field: str | None = None,
        value: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code: ErrorCode = code
        self.message = message
        self.tlv_type = tlv_type
        self.tlv_len = tlv_len
        self.payload_size = payload_size
        self.missing = missing
        self.field = field
        self.value = value

    def details(self) -> dict[str, int | str]:
        """Return the detail fields that are set, by name."""
        named: dict[str, int | str | None] = {
            "tlv_type": self.tlv_type,
            "tlv_len": self.tlv_len,
            "payload_size": self.payload_size,
            "missing": self.missing,
            "field": self.field,
            "value": self.value,
        }
        return {name: value for name, value in named.items() if value is not None}
