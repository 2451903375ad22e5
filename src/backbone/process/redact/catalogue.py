"""The rules that are there without anybody's doing, in the order in which they work."""

from __future__ import annotations

from backbone.model.scrubbing import Word
from backbone.process.redact import checks
from backbone.process.redact.rule import Form, Group, Rule

_D = "[0-9０-９]"
_SPACE = r"[ \x{A0}\x{2009}\x{202F}.\x{2010}-\x{2015}-]"
ESCAPED = r"\\[nrt]"
"""The end of a line as JSON writes it, which is no letter before what follows."""
_DONE = r"<(?:url_password|email|card|iban|national_id|ipv6|ipv4|mac|phone)(?::[^>]*)?>"
_HIDDEN = r"<(?:private_key|jwt|bearer|basic|cloud_key|credential)(?::[^>]*)?>"
"""What stands for a number, and for a secret: nothing began behind it when it was found, and nothing does now."""
_NO_ID = rf"(?:{_DONE}|^|[^0-9A-Za-z０-９.]|{ESCAPED})"
"""What may stand before a number that is not part of an id or of a fraction."""
_NO_WORD = rf"{_DONE}|{ESCAPED}|\b|^|[^0-9A-Za-z]"

_WORDS = (
    r"(?:passw(?:or)?d|passwort|contrase(?:ñ|n)a|passphrase|passcode|pwd|secret(?:[_.-]?access)?[_.-]?key|"
    r"(?:api|access|auth|refresh|id|session|security|client|private|encryption|signing|account|shared|master|consumer|"
    r"app|service)[_.-]?(?:key|token|secret)|secret|token|credentials?|cvv2?|cvc2?|otp)"
    r"(?:[_.-]?(?:key|value|hash|code))?"
)
_IS = r"(?:=>|:=|==?|:|%3[AaDd])"
_NAME = rf"(?:{_HIDDEN}|^|[^<A-Za-z0-9_])[A-Za-z0-9_.-]*(?i:{_WORDS})"
VALUE = (
    r"(\")((?:[^\"\\]|\\.)+)|(\\+\"|\\*')"
    rf"([^\"'\\<\n\r]+|{_HIDDEN})|([^\s\"'\\,;&<>)}}\]]+|{_HIDDEN})"
)
"""
A value: in quotes, in quotes that are escaped or single, or as a word; or what stands for one. Five groups, which are
before or found.
"""

CLOUD_WORDS = (
    *(Word(f"A{kind}", is_exact=True) for kind in ("KIA", "SIA", "BIA", "CCA", "GPA", "IDA", "ROA", "NPA", "NVA", "Iza")),
    *(Word(f"gh{kind}_", is_exact=True) for kind in "pousr"),
    *(Word(f"_{mode}_", is_exact=True) for mode in ("live", "test", "v1")),
    *(Word(f"shp{kind}_", is_exact=True) for kind in ("at", "ca", "pa", "ss")),
    *(
        Word(word, is_exact=True)
        for word in (
            "ya29.", "GOCSPX-", "github_pat_", "glpat-", "xox", "whsec_", "npm_", "pypi-", "AccountKey=", "?sig=", "&sig=",
            "hooks.slack.com", "hvs.", "dckr_pat_", "dapi", "ATATT3",
        )
    ),
    *(Word(word, is_exact=True, at_boundary=True) for word in ("SG.", "sk-", "hf_")),
)  # fmt: skip
CREDENTIAL_WORDS = tuple(
    Word(word, then="sign")
    for word in (
        "passw", "contrase", "passphrase", "passcode", "pwd", "secret", "token", "key", "credential", "cvv", "cvc", "otp",
        "authorization", "cookie", "identified by",
    )
)  # fmt: skip
PERSON_WORDS = tuple(
    Word(word, then="digits")
    for word in (
        "ssn", "social", "nino", "pesel", "bsn", "personnummer", "cpf", "nif", "nie", "dni", "steuer", "aadhaar", "passport",
        "national", "tax", "insee", "nric", "hkid", "codice",
    )
)  # fmt: skip

PRIVATE_KEY = Rule(
    "private_key",
    "PRIVATE KEY",
    (
        Form(
            "whole",
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
        ),
    ),
    "startsWith(s, '-----BEGIN')",
    words=(Word("PRIVATE KEY", is_exact=True),),
)
JWT = Rule(
    "jwt",
    r"eyJ[A-Za-z0-9_-]{6}",
    (Form("whole", r"eyJ[A-Za-z0-9_-]{6,}(?:\s?[.]\s?[A-Za-z0-9_-]{6,}){1,4}"),),
    "startsWith(s, 'eyJ') AND length(b) < 3",
    words=(Word("eyJ", is_exact=True),),
)
CLOUD_KEY = Rule(
    "cloud_key",
    (
        r"A(?:KIA|SIA|BIA|CCA|GPA|IDA|ROA|NPA|NVA)[A-Z0-9]{4}|AIza[A-Za-z0-9_-]|ya29\.|GOCSPX-|gh[pousr]_|github_pat_|"
        r"glpat-|xox[abeoprs]-|[sr]k_(?:live|test)_|whsec_|SG\.[A-Za-z0-9_-]|npm_|pypi-|sk-[A-Za-z0-9_-]{2}|do[opr]_v1_|hf_|"
        r"AccountKey=|[?&]sig=|hooks\.slack\.com|shp(?:at|ca|pa|ss)_|hvs\.|dckr_pat_|dapi[0-9a-f]|ATATT3"
    ),
    (
        Form(
            "whole",
            rf"(?:{_HIDDEN}|\b|{ESCAPED})"
            r"(?:A(?:KIA|SIA|BIA|CCA|GPA|IDA|ROA|NPA|NVA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{12,}|ya29\.[A-Za-z0-9_-]{12,}|"
            r"GOCSPX-[A-Za-z0-9_-]{12,}|gh[pousr]_[A-Za-z0-9]{12,}|github_pat_[A-Za-z0-9_]{12,}|glpat-[A-Za-z0-9_-]{12,}|"
            r"xox[abeoprs]-[A-Za-z0-9-]{10,}|[sr]k_(?:live|test)_[A-Za-z0-9]{12,}|whsec_[A-Za-z0-9+/=]{12,}|"
            r"SG\.[A-Za-z0-9_-]{12,}\.[A-Za-z0-9_-]{12,}|npm_[A-Za-z0-9]{12,}|pypi-[A-Za-z0-9_-]{12,}|"
            r"sk-[A-Za-z0-9_-]{12,}|do[opr]_v1_[a-f0-9]{12,}|hf_[A-Za-z0-9]{12,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{12,}|"
            r"hvs\.[A-Za-z0-9_-]{12,}|dckr_pat_[A-Za-z0-9_-]{12,}|dapi[0-9a-f]{12,}|ATATT3[A-Za-z0-9_=-]{12,}|"
            r"hooks\.slack\.com\\?/services\\?/T[A-Z0-9]+\\?/B[A-Z0-9]+\\?/[A-Za-z0-9]{12,})",
        ),
        Form("value", "", r"AccountKey=|[?&]sig="),
    ),
    "length(b) < 3 OR match(b, '(?:AccountKey|sig)=$')",
    words=CLOUD_WORDS,
)
URL_PASSWORD = Rule(
    "url_password",
    r"/[^/\s:@]*:[^/\s]*@",
    (Form("whole", r":\\?/\\?/[^\s/:@\"'<>]*:[^\s/\"'<>]+@", _NO_WORD),),
    "startsWith(s, ':')",
)
BEARER = Rule(
    "bearer",
    r"(?i)bearer(?:\s|%20|\+)",
    (Form("value", "", rf"(?:{_HIDDEN}|\b|{ESCAPED})(?i:bearer)(?:\s+|%20|\+)"),),
    checks.BEARER,
    words=(Word("bearer"),),
)
BASIC = Rule(
    "basic",
    r"(?i)basic(?:\s|%20|\+)",
    (Form("value", "", rf"(?:{_HIDDEN}|\b|{ESCAPED})(?i:basic)(?:\s+|%20|\+)"),),
    checks.BASIC,
    words=(Word("basic"),),
)
CREDENTIAL = Rule(
    "credential",
    (
        r"(?i)(?:passw|contrase|passphrase|passcode|pwd|secret|token|key|credentials?|cv[vc]2?|otp|authorization|cookie)"
        r"(?:[_.-]?(?:key|value|hash|code|ord|ort|d|ña|na))?[\"'\\]{0,4}\s{0,3}(?:[=:>]|%3[AD])"
        r"|--[a-z_.-]*(?:passw|contrase|passphrase|passcode|pwd|secret|token|key|credential|cv[vc]|otp)[a-z0-9ñ_.-]*\s|(?:identified by|password)\s+['\"]"
    ),
    (
        Form(
            "value", "", rf"(?:{_HIDDEN})?(?i:(?:proxy-)?authorization)[\"'\\]*\s*{_IS}\s*[\"'\\]*(?:[A-Za-z0-9-]+\s+)?"
        ),
        Form(
            "value",
            "",
            rf"(?:{_NAME}[\"'\\]*\s*{_IS}|--[a-z-]*(?i:{_WORDS})\s|(?:{_HIDDEN}|\b)(?i:identified by|password)\s)\s*",
        ),
        Form(
            "line",
            r"[^\"'\\<\n\r]+",
            rf"(?:{_HIDDEN}|\b|{ESCAPED})(?i:(?:set-)?cookie)[\"'\\]*\s?[:=]\s*[\"'\\]*|<[A-Za-z0-9_:.-]*(?i:{_WORDS})>",
        ),
    ),
    checks.CREDENTIAL,
    words=CREDENTIAL_WORDS,
)
WORDS = Group(
    (PRIVATE_KEY, JWT, BEARER, BASIC, CLOUD_KEY, CREDENTIAL),
    ("whole", "line", "value"),
)

EMAIL = Rule(
    "email",
    r"@[A-Za-z0-9-]*(?:\.|[^\x00-\x7f])|%40(?:[A-Za-z0-9-]|[^\x00-\x7f])|＠",
    (
        Form(
            "whole",
            r"[A-Za-z0-9._%+\x{80}-\x{FF1F}-][A-Za-z0-9._%+'\x{80}-\x{FF1F}-]*(?:@|%40|＠)"
            r"(?:[A-Za-z0-9\x{80}-\x{FF0D}-]+[.．])+[A-Za-z\x{80}-\x{FF0D}]{2,}",
            _NO_WORD,
        ),
    ),
    checks.EMAIL,
)
CARD = Rule(
    "card",
    r"(?:^|[^0-9A-Za-z.])[2-6][0-9]{3}[ .-]?(?:[0-9]{4}[ .-]?[0-9]{4}[ .-]?[0-9]{2}|[0-9]{6}[ .-]?[0-9]{4})",
    (
        Form(
            "clear",
            (
                rf"(?:[2-6][0-9]{{3}}(?:{_SPACE}?[0-9]{{4}}){{3}}(?:{_SPACE}?[0-9]{{3}})?|"
                rf"3[0-9]{{3}}{_SPACE}?[0-9]{{6}}{_SPACE}?[0-9]{{4,5}})(?:\b|_)"
            ),
            _NO_ID,
        ),
        Form("clear", rf"[２-６](?:{_SPACE}?[０-９]){{13,18}}", _NO_ID),
    ),
    checks.CARD,
)

_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 "
    "FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 "
    "LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 "
    "RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
ACCOUNTS = {length[:2]: int(length[2:]) for length in _LENGTHS.split()}
"""How long the account numbers of each country are."""
_COUNTRIES = "|".join(ACCOUNTS)


IBAN = Rule(
    "iban",
    (
        rf"\b(?:{_COUNTRIES})[0-9]{{2}}[ -]?[A-Za-z0-9]{{4}}[ -]?[A-Za-z0-9]{{4}}[ -]?[A-Za-z0-9]{{3}}"
        rf"|\b(?:{_COUNTRIES.lower()})[0-9]{{2}}[a-z]{{0,6}}[0-9]{{7}}"
    ),
    (
        Form(
            "whole",
            (
                rf"[A-Z]{{2}}[0-9]{{2}}(?:(?:{_SPACE}?[A-Z0-9]{{4}}){{2,7}}(?:{_SPACE}?[A-Z0-9]{{1,3}})?|[a-z0-9]{{11,30}})\b"
                r"|[a-z]{2}[0-9]{2}[a-z]{0,6}[0-9]{7}[a-z0-9]{2,20}\b"
            ),
            _NO_WORD,
        ),
    ),
    checks.iban(_LENGTHS.replace(" ", "")),
)
_ID_WORDS = (
    r"(?:ssn|social[_ -]security(?:[_ -](?:number|no))?|nino|pesel|bsn|personnummer|cpf|nif|nie|dni|steuer-?id|"
    r"aadhaar|passport|national[_ -]?id|tax[_ -]?id|insee|nric|hkid|codice[_ -]fiscale)"
)
NATIONAL_ID = Rule(
    "national_id",
    (
        r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}|\b[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b|\b[0-9XYZ][0-9]{7}-?[A-Z]\b|"
        r"\b[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z]|\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|"
        r"\b[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]) ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\b|"
        rf"\b[1-9][0-9]{{5}}(?:19|20)[0-9]{{9}}|\b[A-Z]{{5}}[0-9]{{4}}[A-Z]\b|(?i:{_ID_WORDS}(?: (?:number|no|nr))?)[^a-zA-Z]{{1,8}}[A-Za-z]{{0,3}}[0-9]"
    ),
    (
        Form("whole", r"[0-9]{3}-[0-9]{2}-[0-9]{4}\b", _NO_WORD),
        Form("whole", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b", _NO_WORD),
        Form("whole", r"[0-9XYZ][0-9]{7}-?[A-Z]\b", _NO_WORD),
        Form("whole", r"[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]\b", _NO_WORD),
        Form("whole", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}\b", _NO_WORD),
        Form(
            "whole", r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\b", _NO_WORD
        ),
        Form(
            "whole",
            r"[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]\b",
            _NO_WORD,
        ),
        Form("whole", r"[A-Z]{3}[ABCFGHLJPT][A-Z][0-9]{4}[A-Z]\b", _NO_WORD),
        Form(
            "id",
            r"[A-Za-z]{0,3}[0-9](?:[ ./-]?[A-Za-z0-9]){4,18}\b",
            rf"(?:{_DONE}|\b|{ESCAPED})(?i:{_ID_WORDS})(?i: (?:number|no|nr)\.?)?[\"'\\]*(?:\s?[:=#]\s?|\s(?:is )?)[\"'\\]*",
        ),
    ),
    checks.NATIONAL_ID,
    words=PERSON_WORDS,
)
IPV6 = Rule(
    "ipv6",
    r"\b[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]{0,4}:",
    (
        Form(
            "whole",
            r"[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{1,4}:)*(?::(?:[0-9A-Fa-f]{1,4}:)*)?(?:[0-9A-Fa-f]{1,4}\b)?",
            _NO_WORD,
        ),
    ),
    checks.IPV6,
    address=True,
)
IPV4 = Rule(
    "ipv4",
    (
        r"\b(?:[1-9]|1[1-9]|[2-9][0-9]|1(?:[013-689][0-9]|2[0-689]|7[013-9])|2[01][0-9]|22[0-3])\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
        r"|\b(?:172\.(?:[0-9]|1[0-5]|[2-9][0-9]|3[2-9]|[12][0-9]{2})|192\.(?:[0-9]{1,2}|1[0-57-9][0-9]|16[0-79]|2[0-9]{2}))"
        r"\.[0-9]{1,3}\.[0-9]"
    ),
    (
        Form(
            "whole",
            (
                r"(?:[A-Z][A-Za-z]+/|(?i:version|ver|release|build)[ =:\"']{1,3}v?)?"
                r"(?:[0-9]{1,3}\.){3,}[0-9]{1,3}\b"
            ),
            _NO_WORD,
        ),
    ),
    checks.IPV4,
    address=True,
)
MAC = Rule(
    "mac",
    (
        r"\b[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]"
        r"|\b[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\b"
    ),
    (
        Form("whole", r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5,}\b", _NO_WORD),
        Form("whole", r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\b", _NO_WORD),
    ),
    checks.MAC,
    address=True,
)
_PHONE_WORDS = r"(?:phone|tel|telephone|mobile|cell|fax|msisdn|telefon|handy|whatsapp|sms)"
PHONE = Rule(
    "phone",
    (
        r"\+[1-9][0-9 ()./-]{7}|\b00[1-9][0-9]{0,2}[ ./-]\(?[0-9][0-9 ./()-]|[0-9]{3}[).-] ?[0-9]{3}[.-][0-9]{4}"
        rf"|(?i:{_PHONE_WORDS})[a-z_ ]{{0,10}}[\"'\\]{{0,4}}[ :=.#]{{1,4}}[\"'\\+(]{{0,3}}[0-9]"
    ),
    (
        Form("clear", rf"\+[1-9](?:{_SPACE}?[/()]?{_SPACE}?{_D}){{6,14}}(?:\b|_)", _NO_ID),
        Form("clear", rf"\+[1-9](?:{_SPACE}?[/()]?{_SPACE}?{_D}){{5,13}}{_SPACE}?[/()]?{_SPACE}?[０-９]", _NO_ID),
        Form("whole", r"00[1-9][0-9]{0,2}[ ./-]\(?[0-9](?:[ ./()-]{0,2}[0-9]){6,12}\b", _NO_WORD),
        Form("whole", r"(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[.-])[2-9][0-9]{2}[.-][0-9]{4}\b", _NO_WORD),
        Form(
            "phone",
            r"[+(]?[0-9](?:[ ./()-]{0,2}[0-9]){6,13}\b",
            rf"(?:{_DONE}|\b|{ESCAPED})(?i:{_PHONE_WORDS}(?:[_ -]?(?:number|no|nr))?)[\"'\\]*[ :=.#]+[\"'\\]*",
        ),
    ),
    checks.PHONE,
)
# A password in a URL ends with the sign before a name: with credentials in one group it would hide those that follow.
NUMBERS = Group(
    (URL_PASSWORD, EMAIL, CARD, IBAN, NATIONAL_ID, IPV6, IPV4, MAC, PHONE), ("phone", "id", "clear", "whole")
)

ODD_NUMBERS = "[０-９](?:[０-９]{2}|[0-9])|[0-9][０-９]|[0-9][^0-9A-Za-z]?(?:\u00a0|\u2009|\u202f|[\u2010-\u2015])[^0-9A-Za-z]{0,4}[0-9]"
"""Digits and the spaces between them as no hint of a number expects them."""

SECRET_NAMES = (
    r"(?:.*[._-])?(?:set-)?cookies?",
    rf"(?:.*[._-]|[a-z]*){_WORDS}",
    r"(?:.*[._-])?(?:(?:proxy-)?authorization|x-api-key|private_?key|ssn|social_security_number|card_?number|jwt|bearer)",
)
"""Names of attributes whose values are secrets, whatever they look like; matched whole, in any case."""

NAME_HINT = (
    rf"(?i)(?:{_WORDS}|cookies?|authorization|private_?key|ssn|social_security_number|card_?number|jwt|bearer)\n"
)
"""What finds all `SECRET_NAMES` where each name ends its line."""

ODD_NAMES = r"[0-9]{4}|[0-9]\.[0-9]|[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]|[0-9][ -][0-9]"
"""What no name of an attribute has that holds no number of something; many that have it hold none either."""

EMAIL_IN_BYTES = r"(?:[A-Za-z0-9._%+-]|[^\x00-\x7f])@(?:[A-Za-z0-9-]|[^\x00-\x7f])+\.(?:[A-Za-z]|[^\x00-\x7f]){2}"
"""The hint of an address among bytes, where a sign alone means nothing."""

SECRET_WORDS = r"(?i)passw|secret|token|api.?key|private.?key|credential|authorization|cookie"
"""What makes bytes that are not looked into any further suspicious."""

NETWORK_NAMES = (
    r"net\..*|network\..*|(?:client|server|source|destination|host|peer)[._](?:address|ip|mac|socket\.address)|"
    r"(?:host|k8s\.pod|k8s\.node|container)\.(?:ip|mac)|http\.client_ip|(?:source|destination)\..*|(?:.*\.)?peer(?:[._](?:ip|address))?|"
    r"server\.socket\..*|url\.domain"
)
"""Names of attributes that hold addresses of machines by the conventions, which those who run machines need."""
