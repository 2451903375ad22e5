"""Which of what was found is meant: check digits, ranges and words, as conditions in SQL over ``b`` and ``s``."""

from __future__ import annotations

_DIGITS = "replaceRegexpAll(translateUTF8(s, '０１２３４５６７８９', '0123456789'), '[^0-9]', '')"


def _over(name: str, value: str, condition: str) -> str:
    """Return the condition with *name* standing for a value that it uses more than once."""
    return f"arrayExists({name} -> {condition}, [{value}])"


def _numbers(text: str) -> str:
    return f"arrayMap(c -> toInt32OrZero(c), splitByString('', {text}))"


_LUHN = _over(
    "r",
    _numbers("reverse(d)"),
    "arraySum((c, i) -> if(i % 2 = 0, if(c > 4, 2 * c - 9, 2 * c), c), r, arrayEnumerate(r)) % 10 = 0",
)
# Lengths and first digits as issuers have them.
_ISSUERS = (
    "^(?:4[0-9]{15}(?:[0-9]{3})?|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}|"
    "(?:5[0-8]|35|6[0-9]|2[2-7])[0-9]{14}(?:[0-9]{1,3})?)$"
)
# What looks like an account at first is no card behind two letters.
CARD = "NOT match(s, '^[A-Za-z]') AND " + _over("d", _DIGITS, f"match(d, '{_ISSUERS}') AND {_LUHN}")

_PLAIN = "upper(replaceRegexpAll(s, '[^0-9A-Za-z]', ''))"
_TURNED = "concat(substring(d, 5), substring(d, 1, 4))"
_LETTERS_AS_NUMBERS = (
    f"arrayStringConcat(arrayMap(c -> if(c < 'A', c, toString(ascii(c) - 55)), splitByString('', {_TURNED})))"
)


def iban(lengths: str) -> str:
    """
    Return the condition that a country's length and the check digits are right.

    A word may come after it, except where small letters and digits stand in one piece, as in identifiers.

    Args:
        lengths: each country's two letters and its length in two digits, one after the other.
    """
    length = f"toUInt8OrZero(substring('{lengths}', position('{lengths}', substring({{}}, 1, 2)) + 2, 2))"
    return _over(
        "d",
        f"arrayMap(p -> substring(p, 1, {length.format('p')}), [{_PLAIN}])[1]",
        f"length(d) > 14 AND length(d) = {length.format('d')} AND (length(s) = length(d) OR NOT match(s, '^[a-z]')) "
        f"AND toUInt256OrZero({_LETTERS_AS_NUMBERS}) % 97 = 1",
    )


_PRIVATE = "^[+(]?(?:0|10|127|172[.](?:1[6-9]|2[0-9]|3[01])|192[.]168)(?:[.][0-9]+){2}"
_PHONE_WORDS = "(?i)(?:phone|tel|mobile|cell|fax|msisdn|handy|whatsapp|sms)"
# In one piece a number needs more digits to be told from an amount with a sign.
PHONE = _over(
    "d",
    f"toUInt8(length({_DIGITS}))",
    (
        f"multiIf(match(s, '{_PRIVATE}'), 0, match(b, '{_PHONE_WORDS}'), d BETWEEN 7 AND 15, match(s, '^[+][0-9]+$'), d BETWEEN 10 AND 15, "
        "match(s, '^(?:[+]|00[1-9])'), d BETWEEN 8 AND 15, "
        "match(s, '^(?:[(][2-9][0-9]{2}[)] ?|[2-9][0-9]{2}[.-])[2-9][0-9]{2}[.-][0-9]{4}$'))"
    ),
)

US_SSN = (
    "match(s, '^(?:00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])') AND NOT match(s, '-00-|-0000$')"
)
UK_NINO = "NOT match(s, '^(?:BG|GB|NK|KN|TN|NT|ZZ)')"
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
ES_DNI = _over(
    "d",
    "replaceAll(s, '-', '')",
    (
        f"substring('{_DNI_LETTERS}', "
        "(toUInt32OrZero(replaceRegexpAll(translate(substring(d, 1, length(d) - 1), 'XYZ', '012'), '[^0-9]', '')) % 23) "
        "+ 1, 1) = right(d, 1)"
    ),
)
# In Corsica departments have a letter, which is sign enough.
FR_NIR = _over(
    "d",
    "replaceAll(s, ' ', '')",
    (
        "match(d, '[AB]') OR length(d) = 15 "
        "AND 97 - toUInt64OrZero(substring(d, 1, 13)) % 97 = toUInt64OrZero(substring(d, 14))"
    ),
)

_ID_WORDS = (
    "(?i)(?:ssn|social|nino|pesel|bsn|personnummer|cpf|ni[fe]|dni|steuer|aadhaar|passport|id|insee|nric|hkid|codice)"
)
NATIONAL_ID = (
    f"multiIf(length(b) > 2 AND match(b, '{_ID_WORDS}'), length(replaceRegexpAll(s, '[^0-9]', '')) BETWEEN 5 AND 16, "
    f"match(s, '^[0-9]{{3}}-[0-9]{{2}}-[0-9]{{4}}$'), {US_SSN}, "
    f"match(s, '^[A-Z]{{2}} ?[0-9]{{2}} ?[0-9]{{2}} ?[0-9]{{2}} ?[A-D]$'), {UK_NINO}, "
    f"match(s, '^[0-9XYZ][0-9]{{7}}-?[A-Z]$'), {ES_DNI}, "
    f"match(s, '^[0-9]{{17}}[0-9Xx]$'), 1, match(s, '^[12] ?[0-9]{{2}} ?[01][0-9AB ]+$'), {FR_NIR}, "
    "match(s, '^(?:[A-Z]{5}|[0-9]{3}[.][0-9]{3}[.][0-9]{3}-)'))"
)

_NOT_PUBLIC = (
    "^(?:0|10|127|22[4-9]|2[3-5][0-9])[.]|^169[.]254[.]|^172[.](?:1[6-9]|2[0-9]|3[01])[.]|^192[.]168[.]|"
    "^100[.](?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])[.]"
)
IPV4 = f"isIPv4String(s) AND NOT match(s, '{_NOT_PUBLIC}')"
IPV6 = "isIPv6String(s)"
MAC = (
    "length(s) = 17 AND match(s, '^[0-9A-Fa-f]{2}[:-]') AND NOT match(s, '^(?:00.){5}00$|^(?i:ff.){5}(?i:ff)$') "
    "OR length(s) = 14 AND match(s, '^[0-9A-Fa-f]{4}[.][0-9A-Fa-f]{4}[.]') AND match(s, '[A-Fa-f]') AND match(s, '[0-9]')"
)

_FILE_ENDINGS = (
    "png|jpe?g|gif|svg|webp|css|js|ts|map|html?|so|py|rb|go|rs|dll|exe|jar|json|ya?ml|xml|md|txt|log|service|local"
)
EMAIL = f"match(s, '@|%40|＠') AND NOT match(s, '(?i)[.](?:{_FILE_ENDINGS})$|^git(?:@|%40)')"

BASIC = "match(b, '(?i)basic(?:[ ]+|%20|[+])$') AND position(tryBase64Decode(s), ':') > 0"
# A word in prose after 'Bearer' has no digit, and no capital letter but the first.
BEARER = "match(b, '(?i)bearer(?:[ ]+|%20|[+])$') AND length(s) > 7 AND NOT match(s, '^[A-Z]?[a-z]+[.,;:!?]*$')"

_NO_VALUES = (
    "true false null none nil undefined empty required missing invalid expired incorrect wrong valid changed reset "
    "rotated refreshed revoked not is was and or the a an for from in ok failed unknown unset set string str bytes int "
    "bearer basic digest negotiate optional disabled enabled hidden default must cannot too has yes no accepted "
    "rejected denied granted updated created deleted validation authentication verified found redacted [redacted] "
    "masked filtered [filtered] secret will mismatch does did should may can to of on at by with without required, "
    "matches length policy strength rules hash input field rotation expires expiry never type count"
)
"""What stands after the words for credentials in prose and in code, and is none."""
_NOTHING = (
    "^(?:[*•]+|[xX]{3,}|%[a-z]|[$][{(]?[A-Za-z_][A-Za-z0-9_.:-]*[)}]?|[{]+[a-z0-9_.]*|<[a-z0-9_]+(?::[^>]*)?>.*|[a-z]+_value|"
    "/.*|-+|[0-9]+ms|[.]+)$"
)
# Words that prose has as well are followed by a secret only where that is in quotes.
CREDENTIAL = (
    "NOT match(b, '(?i)^[^a-z]*(?:bearer|basic)|^(?:identified by|password)[[:space:]]+$') "
    f"AND NOT match(s, '{_NOTHING}') "
    f"AND position(' {_NO_VALUES} ', concat(' ', lower(trim(TRAILING '.' FROM s)), ' ')) = 0 "
    "AND (position(s, '=') > 0 OR NOT match(b, '(?i)cookie[^a-z]*$'))"
)
