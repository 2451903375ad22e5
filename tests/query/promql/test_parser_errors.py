"""What is no query is refused in Prometheus' words."""

from __future__ import annotations

import pytest

from backbone.query.promql.errors import PromQLSyntaxError
from backbone.query.promql.parser import parse


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        pytest.param("", "1:1", "no expression found in input", id="nothing"),
        pytest.param("# a", "1:1", "no expression found in input", id="only a comment"),
        pytest.param("1 +", "1:4", "unexpected end of input", id="half"),
        pytest.param("1 +\n a b", "2:4", 'unexpected identifier "b"', id="the second line"),
        pytest.param("sum(", "1:5", "unclosed left parenthesis", id="open"),
        pytest.param("a)", "1:3", "unexpected right parenthesis ')'", id="closed too often"),
        pytest.param("a}", "1:2", "unexpected character: '}'", id="a brace closed"),
        pytest.param("a]", "1:2", "unexpected right bracket ']'", id="a bracket closed"),
        pytest.param("a{", "1:3", "unexpected end of input inside braces", id="an open brace"),
        pytest.param("a{{", "1:3", "unexpected left brace '{'", id="a brace in braces"),
        pytest.param("a{b#c}", "1:7", "unexpected end of input inside braces", id="a comment in braces"),
        pytest.param("a{b$}", "1:4", "unexpected character inside braces: '$'", id="a character in braces"),
        pytest.param('"a', "1:1", "unterminated quoted string", id="an open string"),
        pytest.param("`a", "1:1", "unterminated raw string", id="an open raw string"),
        pytest.param('"\\q"', "1:1", "unknown escape sequence U+0071 'q'", id="an unknown escape"),
        pytest.param('"\\xg"', "1:1", "illegal character U+0067 'g' in escape sequence", id="an escape without digits"),
        pytest.param("a $ b", "1:3", "unexpected character: '$'", id="a character"),
        pytest.param("a ! b", "1:3", "unexpected character after '!': ' '", id="an exclamation mark"),
        pytest.param("a =~ b", "1:3", "unexpected character after '=': '~'", id="a matcher's operator"),
        pytest.param("a = b", "1:3", 'unexpected "="', id="one equals sign"),
        pytest.param("1x", "1:1", 'bad number or duration syntax: "1"', id="a number that goes on"),
        pytest.param(
            "0x", "1:1", 'error parsing number: strconv.ParseFloat: parsing "0x": invalid syntax', id="no digits"
        ),
        pytest.param(
            "1e999",
            "1:1",
            'error parsing number: strconv.ParseFloat: parsing "1e999": value out of range',
            id="too large",
        ),
        pytest.param("a[1m1h]", "1:3", 'not a valid duration string: "1m1h"', id="units in disorder"),
        pytest.param("a[0]", "1:3", "duration must be greater than 0", id="no range"),
        pytest.param("a offset nan", "1:10", "duration out of range", id="an offset that is no number"),
        pytest.param("a[300y]", "1:3", "duration out of range", id="a range of centuries"),
        pytest.param("a[5m:1m:1m]", "1:8", "unexpected repeated colon in duration expression", id="two colons"),
        pytest.param("a[5m", "1:5", "unexpected end of input in duration expression", id="an open bracket"),
        pytest.param("foo(a)", "1:1", 'unknown function with name "foo"', id="an unknown function"),
        pytest.param(
            "rate(a)", "1:6", 'expected type range vector in call to function "rate", got instant vector', id="type"
        ),
        pytest.param("floor(a, b)", "1:1", 'expected 1 argument(s) in call to "floor", got 2', id="many"),
        pytest.param(
            "label_join(a)", "1:1", 'expected at least 3 argument(s) in call to "label_join", got 1', id="few"
        ),
        pytest.param(
            "round(a, 1, 2)", "1:1", 'expected at most 2 argument(s) in call to "round", got 3', id="more than the most"
        ),
        pytest.param("floor(a,)", "1:8", "trailing commas not allowed in function call args", id="a comma"),
        pytest.param("{}", "1:1", "vector selector must contain at least one non-empty matcher", id="all"),
        pytest.param(
            '{a=~".*"}', "1:1", "vector selector must contain at least one non-empty matcher", id="all, by pattern"
        ),
        pytest.param('{a=~"("}', "1:2", "error parsing regexp: missing ): (", id="no regular expression"),
        pytest.param('{a=~"(?!b)"}', "1:2", "error parsing regexp: invalid perl operator: (?!", id="no RE2"),
        pytest.param('{a="\\xff"}', "1:4", 'expected UTF-8, got "\\xff"', id="no text"),
        pytest.param('a{__name__="b"}', "1:1", 'metric name must not be set twice: "a" or "b"', id="two names"),
        pytest.param(
            "{a}",
            "1:3",
            'unexpected "}" in label matching, expected label matching operator',
            id="no =",
        ),
        pytest.param("{a=b}", "1:4", 'unexpected identifier "b" in label matching, expected string', id="bare"),
        pytest.param(
            '{a="b" c="d"}', "1:8", 'unexpected identifier "c" in label matching, expected "," or "}"', id="no comma"
        ),
        pytest.param("{,}", "1:2", 'unexpected "," in label matching, expected identifier or "}"', id="a comma only"),
        pytest.param("sum by a (b)", "1:8", 'unexpected identifier "a" in grouping opts, expected "("', id="by"),
        pytest.param(
            "sum by (a b) (c)",
            "1:11",
            'unexpected identifier "b" in grouping opts, expected "," or ")"',
            id="by without comma",
        ),
        pytest.param("sum by (1) (c)", "1:9", 'unexpected number "1" in grouping opts, expected label', id="by 1"),
        pytest.param("sum()", "1:1", "no arguments for aggregate expression provided", id="sum of nothing"),
        pytest.param(
            "topk(a)",
            "1:1",
            "wrong number of arguments for aggregate expression provided, expected 2, got 1",
            id="no parameter",
        ),
        pytest.param(
            "topk(a, b)",
            "1:6",
            "expected type scalar in aggregation parameter, got instant vector",
            id="a parameter's type",
        ),
        pytest.param(
            "sum(1)",
            "1:5",
            "expected type instant vector in aggregation expression, got scalar",
            id="a sum of a scalar",
        ),
        pytest.param("a[5m][5m]", "1:6", "ranges only allowed for vector selectors", id="a range of a range"),
        pytest.param("a offset 1m[5m]", "1:12", "no offset modifiers allowed before range", id="offset first"),
        pytest.param("a @ 1[5m]", "1:6", "no @ modifiers allowed before range", id="@ first"),
        pytest.param("a offset 1m offset 1m", "1:1", "offset may not be set multiple times", id="two offsets"),
        pytest.param("a @ 1 @ 2", "1:1", "@ <timestamp> may not be set multiple times", id="two times"),
        pytest.param("a @ inf", "1:1", "timestamp out of bounds for @ modifier: +Inf", id="the end of time"),
        pytest.param("a @ b", "1:5", 'unexpected identifier "b" in @, expected timestamp', id="no time"),
        pytest.param(
            "1 offset 1m",
            "1:1",
            "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            id="an offset of a number",
        ),
        pytest.param("1 > 1", "1:3", "comparisons between scalars must use BOOL modifier", id="scalars"),
        pytest.param("a + bool b", "1:3", "bool modifier can only be used on comparison operators", id="bool"),
        pytest.param("a and 1", "1:1", 'set operator "and" not allowed in binary scalar expression', id="set"),
        pytest.param("a and on(b) group_left c", "1:1", 'no grouping allowed for "and" operation', id="sets"),
        pytest.param("a + on(b) 1", "1:1", "vector matching only allowed between instant vectors", id="on"),
        pytest.param(
            "a + fill(1) 1", "1:1", "filling in missing series only allowed between instant vectors", id="fill a scalar"
        ),
        pytest.param(
            "a or fill(1) b", "1:1", "filling in missing series not allowed for set operators", id="fill a set"
        ),
        pytest.param(
            "a + on(b) group_left(b) c",
            "1:3",
            'label "b" must not occur in ON and GROUP clause at once',
            id="a label twice",
        ),
        pytest.param(
            '"a" + 1', "1:1", "binary expression must contain only scalar and instant vector types", id="a string"
        ),
        pytest.param(
            "-a[5m]",
            "1:1",
            'unary expression only allowed on expressions of type scalar or instant vector, got "range vector"',
            id="a sign of a range",
        ),
        pytest.param(
            "1[5m:]",
            "1:1",
            "subquery is only allowed on instant vector, got scalar instead",
            id="a subquery of a scalar",
        ),
        pytest.param("info(a, b)", "1:9", "expected label selectors only, got vector selector instead", id="info"),
        pytest.param("a[5m:] smoothed", "1:1", "smoothed modifier is not supported for subqueries", id="smooth"),
        pytest.param(
            "a anchored smoothed", "1:1", "anchored and smoothed modifiers cannot be used together", id="both"
        ),
    ],
)
def test_what_is_wrong_is_said_as_prometheus_says_it(text: str, place: str, what: str) -> None:
    with pytest.raises(PromQLSyntaxError) as error:
        parse(text)

    assert str(error.value) == f"{place}: parse error: {what}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "deriv(a[5m] smoothed)",
            "smoothed modifier can only be used with: delta, increase, rate - not with deriv",
            id="smoothed",
        ),
        pytest.param(
            "predict_linear((a[5m] anchored), 1)",
            "anchored modifier can only be used with: changes, delta, increase, rate, resets - not with predict_linear",
            id="anchored, in parentheses",
        ),
    ],
)
def test_what_prometheus_finds_when_it_evaluates_has_no_place(text: str, expected: str) -> None:
    with pytest.raises(PromQLSyntaxError) as error:
        parse(text)

    assert str(error.value) == expected
