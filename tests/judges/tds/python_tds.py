"""python-tds against local-sql: usage python_tds.py PORT PASSWORD [CA_FILE]; with a CA file over TLS.

Each check is a function; its name is what it shows.
"""

import datetime
import decimal
import sys
import traceback
import uuid

import pytds

PORT, PASSWORD = int(sys.argv[1]), sys.argv[2]
CA_FILE = sys.argv[3] if len(sys.argv) > 3 else None


def connect(password=PASSWORD, **more):
    return pytds.connect(
        dsn="localhost", port=PORT, user="sa", password=password, database="python_tds",
        # Its check of names calls what today's pyOpenSSL has no longer; the chain is checked.
        cafile=CA_FILE, validate_host=False, login_timeout=20, bytes_to_unicode=False, **more,
    )


def one(cursor, text, parameters=()):
    cursor.execute(text, parameters)
    return cursor.fetchone()[0]


def numbers(action):
    """The number of the server's error."""
    try:
        action()
    except pytds.Error as error:
        return error.number if hasattr(error, "number") else error.msg_no
    raise AssertionError("no error")


def a_login_names_its_database():
    with connect() as connection, connection.cursor() as cursor:
        assert one(cursor, "SELECT DB_NAME()") == "python_tds"


def parameters_of_every_type_come_back():
    values = [
        0, -1, 2**31 - 1, 2**40, 1.5, True, "", "Grüße 😀", "x" * 5000, b"", b"\x00\xff", b"y" * 9000,
        uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"), datetime.date(2024, 2, 29), datetime.time(23, 59, 59, 999999),
        datetime.datetime(2024, 2, 29, 12, 30, 15, 123456), None,
    ]
    with connect() as connection, connection.cursor() as cursor:
        for value in values:
            found = one(cursor, "SELECT %s", (value,))
            assert found == value, (value, found)


def decimals_come_back():
    with connect() as connection, connection.cursor() as cursor:
        for text in ("0", "-0.01", "12345678901234567890.123456789"):
            value = decimal.Decimal(text)
            found = one(cursor, "SELECT %s", (value,))
            assert found == value, (value, found)


def columns_have_their_types():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT CAST(1 AS bigint) AS a, CAST(N'x' AS nvarchar(10)) AS b, CAST(1 AS bit) AS c, CAST(0x01 AS varbinary(max)) AS d, "
            "CAST('2024-02-29T01:02:03.003' AS datetime) AS e, CAST(NULL AS uniqueidentifier) AS f"
        )
        row = cursor.fetchone()
        moment = datetime.datetime(2024, 2, 29, 1, 2, 3, 3000)
        assert row[:4] == (1, "x", True, b"\x01") and abs(row[4] - moment) < datetime.timedelta(milliseconds=1), row
        assert row[5] is None and [column[0] for column in cursor.description] == list("abcdef")


def several_result_sets_and_counts():
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE #t (Id int NOT NULL)")
        cursor.execute("INSERT INTO #t (Id) VALUES (1), (2), (3)")
        assert cursor.rowcount == 3, cursor.rowcount
        cursor.execute("SELECT Id FROM #t ORDER BY Id; SELECT N'second' AS s")
        assert [row[0] for row in cursor.fetchall()] == [1, 2, 3]
        assert cursor.nextset() and cursor.fetchall() == [("second",)]


def transactions_commit_and_roll_back():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("IF OBJECT_ID(N'dbo.T') IS NOT NULL DROP TABLE dbo.T; CREATE TABLE dbo.T (Id int NOT NULL PRIMARY KEY)")
        connection.commit()
        cursor.execute("INSERT INTO dbo.T (Id) VALUES (1)")
        assert one(cursor, "SELECT COUNT(*) FROM dbo.T") == 1
        connection.rollback()
        assert one(cursor, "SELECT COUNT(*) FROM dbo.T") == 0
        cursor.execute("INSERT INTO dbo.T (Id) VALUES (2)")
        connection.commit()
    with connect() as connection, connection.cursor() as cursor:
        assert one(cursor, "SELECT Id FROM dbo.T") == 2


def errors_have_sql_servers_numbers():
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        assert numbers(lambda: cursor.execute("SELECT * FROM Nowhere")) == 208
        assert numbers(lambda: cursor.execute("SELECT 1 + /* not T-SQL */")) == 102
        assert numbers(lambda: one(cursor, "SELECT 1 / %s", (0,))) == 8134
        assert numbers(lambda: cursor.execute("THROW 50001, N'ours', 1")) == 50001
        assert one(cursor, "SELECT 7") == 7, "the connection goes on"


def a_wrong_password_is_18456():
    assert numbers(lambda: connect(password="wrong")) == 18456


def a_procedure_returns_its_status_and_outputs():
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.callproc("sp_getapplock", ("judge", "Exclusive", "Session", 0))
        assert cursor.get_proc_return_status() == 0, cursor.get_proc_return_status()
        twice = pytds.output(value=0, param_type="int")
        found = cursor.callproc("sp_executesql", ("SET @twice = 2 * @n", "@n int, @twice int OUTPUT", 21, twice))
        assert found[3] == 42, found


def a_cancelled_result_leaves_the_connection_usable():
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        rows = "[" + ",".join(["1"] * 50000) + "]"
        cursor.execute("SELECT REPLICATE(N'x', 400) AS pad FROM OPENJSON(%s) AS x", (rows,))
        assert cursor.fetchone() == ("x" * 400,)
        cursor.cancel()
        assert one(cursor, "SELECT 7") == 7


def main():
    checks = [check for check in globals().values() if callable(check) and getattr(check, "__module__", None) == "__main__"]
    failed = 0
    for check in checks:
        if check.__name__ in ("connect", "one", "numbers", "main"):
            continue
        try:
            check()
            print(f"ok      python-tds{' over TLS' if CA_FILE else ''}: {check.__name__}")
        except Exception:
            failed += 1
            print(f"FAILED  python-tds{' over TLS' if CA_FILE else ''}: {check.__name__}")
            traceback.print_exc(file=sys.stdout)
    sys.exit(1 if failed else 0)


main()
