"""A condition asked of objects and the same condition compiled to SQL find the same records."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from decimal import Decimal

import pytest
from builders.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from bot4.adapters.storage.conditions import condition
from bot4.adapters.storage.dialect import POSTGRESQL, SQLITE
from bot4.adapters.storage.sqlite import _compare_amounts
from bot4.domain.specification import EVERYTHING, AllOf, AnyOf, Not, where

FIELDS = ("number", "amount", "word")


@dataclass(frozen=True)
class Row:
    number: int | None
    amount: Decimal
    word: str | None


NUMBERS = st.none() | st.integers(-3, 3)
AMOUNTS = st.sampled_from([Decimal(text) for text in ("-10", "-9.5", "0", "0.00", "9", "10", "10.0", "100", "1E-8")])
WORDS = st.none() | st.sampled_from(["", "a", "B", "a' OR 1=1", "%"])
ROWS = st.lists(st.builds(Row, NUMBERS, AMOUNTS, WORDS), max_size=12)


def comparisons(name, values):
    field = where(name)
    return st.one_of(
        *(
            values.map(make)
            for make in (field.__eq__, field.__ne__, field.__lt__, field.__le__, field.__gt__, field.__ge__)
        ),
        st.lists(values, max_size=3).map(field.one_of),
    )


SPECIFICATIONS = st.recursive(
    st.just(EVERYTHING) | comparisons("number", NUMBERS) | comparisons("amount", AMOUNTS) | comparisons("word", WORDS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
        inner.map(lambda part: ~part),
        st.lists(inner, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
    ),
    max_leaves=8,
)


def found_by_sqlite(rows, specification, compile_to_sql=condition):
    connection = sqlite3.connect(":memory:")
    connection.create_collation("amount", _compare_amounts)
    connection.execute("CREATE TABLE t (at INTEGER, number INTEGER, amount TEXT, word TEXT)")
    connection.executemany(
        "INSERT INTO t VALUES (?, ?, ?, ?)",
        [(at, row.number, str(row.amount), row.word) for at, row in enumerate(rows)],
    )
    text, values = compile_to_sql(specification, FIELDS, SQLITE)
    query = f"SELECT at FROM t WHERE {text} ORDER BY at"  # noqa: S608 - what is tested
    found = [at for (at,) in connection.execute(query, values)]
    connection.close()
    return found


def check(rows, specification, compile_to_sql=condition):
    expected = [at for at, row in enumerate(rows) if specification.is_satisfied_by(row)]
    assert found_by_sqlite(rows, specification, compile_to_sql) == expected


@given(ROWS, SPECIFICATIONS)
def test_sqlite_finds_what_the_predicate_finds(rows, specification):
    check(rows, specification)


def test_three_valued_logic_would_be_noticed():
    """Control: the plain translation, in which NOT of an unknown is unknown."""

    def plain(specification, fields, dialect):
        text, values = condition(specification, fields, dialect)
        return text.replace(" AND number IS NOT NULL", ""), values

    rows = [Row(None, Decimal(0), None), Row(5, Decimal(0), None)]
    check(rows, ~(where("number") < 3))
    with pytest.raises(AssertionError):
        check(rows, ~(where("number") < 3), plain)


def test_amounts_compared_as_letters_would_be_noticed():
    """Control: without the collation 9 is above 10."""

    def by_letters(specification, fields, dialect):
        text, values = condition(specification, fields, dialect)
        return text.replace(" COLLATE amount", ""), values

    rows = [Row(0, Decimal(9), None), Row(0, Decimal(10), None)]
    with pytest.raises(AssertionError):
        check(rows, where("amount") > Decimal(9), by_letters)


@given(st.lists(st.tuples(ROWS, SPECIFICATIONS), min_size=1, max_size=1))
def test_de_morgan_holds(cases):
    rows, specification = cases[0]
    for row in rows:
        both = Not(AllOf((specification, where("number") == 1)))
        either = AnyOf((~specification, where("number") != 1))
        assert both.is_satisfied_by(row) == either.is_satisfied_by(row)


def test_postgresql_finds_what_the_predicate_finds(postgres_url):
    import psycopg  # noqa: PLC0415 - an extra

    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TEMPORARY TABLE t (at BIGINT, number BIGINT, amount NUMERIC, word TEXT)")

        @settings(max_examples=examples(300))
        @given(ROWS, SPECIFICATIONS)
        def check_on_postgresql(rows, specification):
            connection.execute("TRUNCATE t")
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO t VALUES (%s, %s, %s, %s)",
                    [(at, row.number, row.amount, row.word) for at, row in enumerate(rows)],
                )
            text, values = condition(specification, FIELDS, POSTGRESQL)
            query = f"SELECT at FROM t WHERE {text} ORDER BY at".replace("?", "%s")  # noqa: S608
            found = [at for (at,) in connection.execute(query, values)]
            assert found == [at for at, row in enumerate(rows) if specification.is_satisfied_by(row)]

        check_on_postgresql()
