"""Users' SQL: what it may do, and attempts to do what it may not."""

from __future__ import annotations

import pytest

from backbone.model.errors import LimitExceeded, UserInputError
from backbone.query.sql import SqlQueries
from backbone.store.engine import DEFAULT_LIMITS, QueryLimits
from tests.stored import Stored, ago_ns, record, span


@pytest.fixture(scope="module")
def queries(stored: Stored) -> SqlQueries:
    return SqlQueries(stored.engine)


async def _two_tenants(stored: Stored) -> str:
    mine, other = stored.tenant(), stored.tenant()
    await stored.spans(mine, "shop", span("d1", "mine", at_ns=ago_ns(5)))
    await stored.spans(other, "shop", span("d2", "secret", at_ns=ago_ns(4)))
    await stored.logs(other, "shop", record("secret"))
    return mine


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("SELECT name FROM spans", [["mine"]], id="a table"),
        pytest.param("select s.name from spans as s;", [["mine"]], id="an alias and a semicolon"),
        pytest.param("SELECT count(), uniq(trace_id) FROM spans -- why", [[1, 1]], id="aggregates"),
        pytest.param("SELECT countIf(name = 'mine') FROM spans", [[1]], id="combinators"),
        pytest.param("WITH x AS (SELECT name FROM spans) SELECT * FROM x", [["mine"]], id="a WITH query"),
        pytest.param("SELECT name FROM spans UNION ALL SELECT body FROM logs", [["mine"]], id="a union"),
        pytest.param("SELECT 1 IN (SELECT 1), 2 IN (1, 2)", [[1, 1]], id="in a list and a subquery"),
        pytest.param("SELECT a.name FROM spans a JOIN spans b USING (trace_id)", [["mine"]], id="a join"),
        pytest.param("SELECT 'it''s' AS `a b`, '\\\\'", [["it's", "\\"]], id="quotes"),
        pytest.param("SELECT arrayMap(x -> x + 1, [1, 2])", [[[2, 3]]], id="a lambda"),
        pytest.param("SELECT number FROM numbers(3) ORDER BY number DESC", [[2], [1], [0]], id="order is kept"),
        pytest.param("SELECT sum(number) OVER (ORDER BY number) AS s FROM numbers(2)", [[0], [1]], id="a window"),
        pytest.param("SELECT count() FROM series FINAL", [[0]], id="FINAL where the table has it"),
    ],
)
async def test_a_select_sees_the_tenants_rows(
    stored: Stored, queries: SqlQueries, sql: str, expected: list[list[object]]
) -> None:
    tenant = await _two_tenants(stored)

    answer = await queries.run(tenant, sql, 10, DEFAULT_LIMITS)

    assert answer.rows == expected


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("SELECT name FROM spans", id="a table"),
        pytest.param("SELECT name FROM spans WHERE tenant != '' OR 1", id="an OR"),
        pytest.param("SELECT name FROM (SELECT * FROM spans) WHERE 1", id="a subquery"),
        pytest.param("SELECT s.name FROM logs l FULL JOIN spans s ON 1 = 1", id="a join"),
        pytest.param("SELECT logs.name FROM spans AS logs", id="an alias that is a table's name"),
        pytest.param("SELECT (SELECT groupArray(name) FROM spans)", id="a scalar subquery"),
        pytest.param("SELECT max(name), count(), any(tenant) FROM spans", id="an aggregate from metadata"),
        pytest.param("WITH x AS (SELECT name FROM spans) SELECT * FROM x, x AS y", id="a WITH query"),
        pytest.param("SELECT name FROM spans EXCEPT SELECT 'mine'", id="an EXCEPT"),
        pytest.param("SELECT 'secret' IN (SELECT name FROM spans) ? 'secret' : ''", id="an IN"),
        pytest.param("SELECT EXISTS(SELECT 1 FROM spans WHERE name = 'secret') ? 'secret' : ''", id="an EXISTS"),
        pytest.param("SELECT name FROM spans SAMPLE 1", id="a sample"),
        pytest.param("SELECT name FROM spans ARRAY JOIN [1, 2] AS i", id="an array join"),
        pytest.param("WITH toString(1) AS tenants SELECT name FROM spans", id="a WITH expression"),
        pytest.param("WITH RECURSIVE r AS (SELECT name FROM spans UNION ALL SELECT * FROM r WHERE 0) SELECT * FROM r",
                     id="recursion"),
        pytest.param("SELECT arrayMap(t -> (SELECT groupArray(name) FROM spans), [1])", id="in a lambda"),
        pytest.param("SELECT * REPLACE('x' AS service) FROM spans", id="a REPLACE"),
        pytest.param("SELECT COLUMNS('name') FROM spans QUALIFY 1", id="columns by pattern"),
    ],
)  # fmt: skip
async def test_no_select_sees_another_tenants_rows(stored: Stored, queries: SqlQueries, sql: str) -> None:
    tenant = await _two_tenants(stored)
    try:
        answer = await queries.run(tenant, sql, 100, DEFAULT_LIMITS)
    except UserInputError as error:
        seen = str(error)
        assert "sampling" in seen.lower() or "not supported" in seen.lower(), seen
    else:
        seen = repr(answer.rows)
    assert "secret" not in seen


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        pytest.param("DROP TABLE spans", "only SELECT", id="DDL"),
        pytest.param("INSERT INTO spans SELECT * FROM spans", "only SELECT", id="an insert"),
        pytest.param("SELECT 1; DROP TABLE spans", "Multi-statements", id="a second statement"),
        pytest.param("SET readonly = 0", "only SELECT", id="a setting"),
        pytest.param("SHOW TABLES", "only SELECT", id="SHOW"),
        pytest.param("EXPLAIN SELECT 1", "only SELECT", id="EXPLAIN"),
        pytest.param("SELECT * FROM (EXPLAIN SELECT 1)", "table function 'viewExplain'", id="EXPLAIN inside"),
        pytest.param("SYSTEM SHUTDOWN", "only SELECT", id="SYSTEM"),
        pytest.param("KILL QUERY WHERE 1", "only SELECT", id="KILL"),
        pytest.param("SELECT 1 INTO OUTFILE '/tmp/x'", "INTO OUTFILE", id="a file written"),
        pytest.param("SELECT 1 FORMAT Native", "FORMAT", id="a format"),
        pytest.param("SELECT name FROM spans SETTINGS max_execution_time = 0", "SETTINGS", id="limits lifted"),
        pytest.param("SELECT * FROM (SELECT 1 SETTINGS readonly = 0)", "SETTINGS", id="limits lifted inside"),
        pytest.param("SELECT 1 FORMAT JSON SETTINGS readonly = 0", "FORMAT|SETTINGS", id="limits lifted after all"),
        pytest.param("SELECT * FROM system.tables", "table 'system.tables'", id="system tables"),
        pytest.param("SELECT * FROM `system`.`parts`", "table 'system.parts'", id="system tables in quotes"),
        pytest.param("SELECT * FROM `system.parts`", "table 'system.parts'", id="a quoted dot"),
        pytest.param("SELECT * FROM information_schema.tables", "table", id="the information schema"),
        pytest.param("SELECT * FROM default.spans", "table 'default.spans'", id="a database's name"),
        pytest.param("SELECT * FROM migrations", "table 'migrations'", id="a table of ours"),
        pytest.param("SELECT * FROM wire_traces", "table 'wire_traces'", id="a table of the wire"),
        pytest.param("SELECT 1 IN migrations", "right of IN", id="a table on the right of IN"),
        pytest.param("SELECT in('x', system.users)", "right of IN", id="IN as a function"),
        pytest.param("SELECT globalNotNullInIgnoreSet(1, migrations)", "right of IN", id="an IN of another name"),
        pytest.param("SELECT `a\n  Literal` IN `migrations`", "right of IN", id="an identifier with a line's end"),
        pytest.param("WITH x AS (SELECT 1) SELECT 1 IN x", "right of IN", id="a WITH query on the right of IN"),
        pytest.param("SELECT file('/etc/passwd')", "function 'file'", id="a file by function"),
        pytest.param("SELECT FILE('/etc/passwd')", "function 'FILE'", id="whatever its case"),
        pytest.param("SELECT * FROM file('/etc/passwd', 'LineAsString')", "table function 'file'", id="a file"),
        pytest.param("SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')", "'url'", id="an address"),
        pytest.param("SELECT * FROM s3('http://127.0.0.1:1/x')", "'s3'", id="a bucket"),
        pytest.param("SELECT * FROM remote('127.0.0.1', system.one)", "'remote'", id="another server"),
        pytest.param("SELECT * FROM merge('default', 'spans')", "'merge'", id="tables by pattern"),
        pytest.param("SELECT * FROM view(SELECT * FROM spans)", "'view'", id="a view"),
        pytest.param("SELECT * FROM loop(spans)", "'loop'", id="a loop"),
        pytest.param("SELECT * FROM mergeTreeIndex(default, spans)", "'mergeTreeIndex'", id="an index"),
        pytest.param("SELECT * FROM Python(x)", "'Python'", id="an object of this process"),
        pytest.param("SELECT * FROM executable('x', 'TSV', 'a String')", "'executable'", id="a program"),
        pytest.param("SELECT * FROM dictionary('x')", "'dictionary'", id="a dictionary's table"),
        pytest.param("SELECT 1 IN (file('/etc/passwd'))", "function 'file'", id="a file inside a list"),
        pytest.param("SELECT * FROM numbers(length(file('/etc/passwd')))", "function 'file'", id="a file in arguments"),
        pytest.param("SELECT sum(1) OVER (ORDER BY file('x'))", "function 'file'", id="a file in a window"),
        pytest.param("SELECT * APPLY(file) FROM spans", "APPLY", id="a function by name"),
        pytest.param("SELECT * REPLACE(file('x') AS name) FROM spans", "function 'file'", id="a file in REPLACE"),
        pytest.param(
            "SELECT 1 ORDER BY 1 WITH FILL FROM 0 TO length(file('x'))", "function 'file'", id="a file in FILL"
        ),
        pytest.param("SELECT dictGet('x', 'y', 1)", "function 'dictGet'", id="a dictionary"),
        pytest.param("SELECT joinGet('known', 'x', 1)", "function 'joinGet'", id="a join table"),
        pytest.param("SELECT getSetting('readonly')", "function 'getSetting'", id="a setting read"),
        pytest.param("SELECT hostName()", "function 'hostName'", id="the host"),
        pytest.param("SELECT hasColumnInTable('system', 'users', 'x')", "'hasColumnInTable'", id="another's columns"),
        pytest.param("SELECT sleep(3)", "function 'sleep'", id="sleep"),
        pytest.param("SELECT AIGenerate('x')", "function 'AIGenerate'", id="a model by an alias"),
        pytest.param("SELECT addressToLine(1)", "function 'addressToLine'", id="this program's insides"),
        pytest.param("SELECT formatQuery('SELECT 1')", "function 'formatQuery'", id="the parser"),
        pytest.param("SELECT {x:String}", "a query parameter", id="a parameter"),
        pytest.param(
            "WITH 'x' AS tenant SELECT name FROM spans", "'tenant' cannot be an alias", id="the column's name"
        ),
        pytest.param("SELECT arrayMap(tenant -> tenant, [1])", "'tenant' cannot be", id="as a lambda's argument"),
        pytest.param("WITH spans AS (SELECT 1) SELECT * FROM spans", "'spans' is a table", id="a table's name taken"),
        pytest.param(
            "SELECT (WITH migrations AS (SELECT 1) SELECT 1) FROM migrations", "is a table", id="out of scope"
        ),
    ],
)
async def test_what_is_no_harmless_select_is_refused(
    stored: Stored, queries: SqlQueries, sql: str, reason: str
) -> None:
    with pytest.raises(UserInputError, match=reason):
        await queries.run(stored.tenant(), sql, 10, DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        pytest.param("SELECT nam FROM spans", "Unknown expression .*`nam`.*", id="an unknown column"),
        pytest.param("SELECT name FROM spans WHERE )", "Syntax error: failed at position 30.*", id="a syntax error"),
        pytest.param("SELECT toUInt8('x')", "Cannot parse string 'x'.*", id="a value that does not fit"),
    ],
)
async def test_the_engines_errors_are_short(stored: Stored, queries: SqlQueries, sql: str, message: str) -> None:
    with pytest.raises(UserInputError, match=f"^{message}$") as raised:
        await queries.run(stored.tenant(), sql, 10, DEFAULT_LIMITS)

    assert len(str(raised.value)) < 200
    assert "parseQueryToJSON" not in str(raised.value)


async def test_more_rows_than_the_limit_are_cut_and_said_so(stored: Stored, queries: SqlQueries) -> None:
    cut = await queries.run(stored.tenant(), "SELECT number FROM numbers(10)", 3, DEFAULT_LIMITS)
    whole = await queries.run(stored.tenant(), "SELECT number FROM numbers(3)", 3, DEFAULT_LIMITS)

    assert (cut.rows, cut.truncated) == ([[0], [1], [2]], True)
    assert (whole.rows, whole.truncated) == ([[0], [1], [2]], False)
    assert cut.columns == [("number", "UInt64")]


async def test_a_query_without_end_is_stopped(stored: Stored, queries: SqlQueries) -> None:
    limits = QueryLimits(timeout_seconds=0.3)

    with pytest.raises(LimitExceeded, match="timeout"):
        await queries.run(stored.tenant(), "SELECT count() FROM numbers(1e15) WHERE sipHash64(number) = 1", 3, limits)
