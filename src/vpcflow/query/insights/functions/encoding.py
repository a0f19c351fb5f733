"""Encodings and digests.

Source: CloudWatch Logs User Guide, "String functions", "Hash functions".
"""

from __future__ import annotations

from typing import Final

from vpcflow.query.insights.functions.function import Function
from vpcflow.query.insights.kinds import INT, TEXT

HELPERS: Final = {
    "cwl_hex(s)": "CASE WHEN regexp_full_match(s, '(0[xX])?[0-9a-fA-F]+') THEN regexp_replace(s, '^0[xX]', '') END",
    "cwl_text_of(b)": "CASE WHEN TRY(decode(b)) IS NOT NULL THEN decode(b) END",
}
"""Macros of this family."""

FUNCTIONS: Final = (
    Function(
        "urlencode", "s: text", TEXT, "The text percent-encoded.",
        (('urlencode("a b/ä")', "a%20b%2F%C3%A4"), ('urlencode("abc-_.~")', "abc-_.~"), ("urlencode(missing)", "")),
        body="url_encode(s)",
    ),
    Function(
        "urldecode", "s: text", TEXT, "A percent-encoded text as it was; nothing if that would be no text.",
        (('urldecode("a%20b%2F")', "a b/"), ('urldecode("100%")', "100%"), ('urldecode("%ff")', "")),
        body="TRY(url_decode(s))",
    ),
    Function(
        "base64encode", "s: text", TEXT, "The text's UTF-8 in base64.",
        (('base64encode("hello")', "aGVsbG8="), ('base64encode("")', ""), ("base64encode(missing)", "")),
        body="to_base64(encode(s))",
    ),
    Function(
        "base64decode", "s: text", TEXT, "The text that base64 holds; nothing for what is no base64, or no text.",
        (('base64decode("aGVsbG8=")', "hello"), ('base64decode("?")', ""), ('base64decode("/w==")', "")),
        body="TRY(decode(from_base64(s)))",
    ),
    Function(
        "hexToAscii", "s: text", TEXT, "The text that hexadecimal digits hold, with or without `0x`; nothing for anything else.",
        (('hexToAscii("48656c6c6f")', "Hello"), ('hexToAscii("0x4869")', "Hi"), ('hexToAscii("xyz")', "")),
        body="TRY(decode(unhex(cwl_hex(s))))",
    ),
    Function(
        "hexToDec", "s: text", INT, "A hexadecimal number, with or without `0x`, as a number; nothing for anything else.",
        (('hexToDec("0xff")', "255"), ('hexToDec("FF")', "255"), ('hexToDec("0xg")', "")),
        body="TRY_CAST('0x' || cwl_hex(s) AS BIGINT)",
    ),
    Function(
        "decToHex", "n: int", TEXT, "A number in hexadecimal digits after `0x`, what is behind the point cut off.",
        (("decToHex(255)", "0xff"), ("decToHex(-255)", "-0xff"), ("decToHex(16.9)", "0x10"), ('decToHex("x")', "")),
        body="CASE WHEN n < 0 THEN '-0x' || printf('%x', -n) ELSE '0x' || printf('%x', n) END",
    ),
    Function(
        "md5", "s: text", TEXT, "The text's MD5 in lower-case hexadecimal digits.",
        (('md5("a")', "0cc175b9c0f1b6a831c399e269772661"), ('md5("")', "d41d8cd98f00b204e9800998ecf8427e"), ("md5(missing)", "")),
        body="md5(s)",
    ),
    Function(
        "sha256", "s: text", TEXT, "The text's SHA-256 in lower-case hexadecimal digits.",
        (('sha256("a")', "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
         ('substr(sha256(""), 0, 8)', "e3b0c442"), ("sha256(missing)", "")),
        body="sha256(s)",
    ),
)  # fmt: skip
