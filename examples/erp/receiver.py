"""An example of what an ERP does with the MES's confirmations: books each once, and the latest revision of a job order counts.

`python receiver.py --database bookings.db --port 8091`; POST /confirmations books, GET /bookings shows what was booked.

The header Idempotency-Key names a confirmation. Booking and key go into one transaction, before the answer: a confirmation whose answer
was lost comes again under the same key, and is answered like the first time without being booked again.
"""

import argparse
import contextlib
import json
import sqlite3
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCHEMA = """
CREATE TABLE IF NOT EXISTS bookings (
  key TEXT PRIMARY KEY, job_order TEXT NOT NULL, version INTEGER NOT NULL, good INTEGER NOT NULL, scrap INTEGER NOT NULL, body TEXT NOT NULL
)
"""
BOOK = "INSERT INTO bookings VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
SHOW = """
SELECT job_order, version, good, scrap, version = max(version) OVER (PARTITION BY job_order) FROM bookings ORDER BY job_order, version
"""
LARGEST = 1024 * 1024


class Books:
    """Bookings in a file, each committed before it is answered."""

    def __init__(self, path: str) -> None:
        self._path = path
        with self._open() as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(SCHEMA)

    def book(self, key: str, body: str) -> bool:
        """Book a confirmation; False when it was booked before.

        Raises:
            ValueError, KeyError, TypeError: it is no confirmation.
        """
        told = json.loads(body)
        response = told["JobResponse"][0]
        made = {actual["MaterialUse"]: int(actual["Quantity"]) for actual in response["MaterialActual"]}
        row = (
            key,
            response["JobOrderID"],
            int(told["Version"]),
            made.get("Material Produced", 0),
            made.get("Scrap", 0),
            body,
        )
        with self._open() as database:
            return database.execute(BOOK, row).rowcount == 1

    def show(self) -> list[dict[str, object]]:
        """All bookings; `counts` is the one of each job order that holds."""
        names = ("jobOrder", "version", "good", "scrap", "counts")
        with self._open() as database:
            return [dict(zip(names, (*row[:-1], bool(row[-1])), strict=True)) for row in database.execute(SHOW)]

    @contextlib.contextmanager
    def _open(self):  # type: ignore[no-untyped-def]
        database = sqlite3.connect(self._path, timeout=10)
        try:
            with database:
                yield database
        finally:
            database.close()


class Handler(BaseHTTPRequestHandler):
    """The receiver's HTTP face; `books` is set by `main`."""

    books: Books

    def do_POST(self) -> None:
        """Book a confirmation."""
        key = self.headers.get("Idempotency-Key", "").strip('"')
        length = int(self.headers.get("Content-Length", "0"))
        if self.path != "/confirmations" or not key or length > LARGEST:
            return self._answer(400, {"error": "POST /confirmations with an Idempotency-Key"})
        try:
            booked = self.books.book(key, self.rfile.read(length).decode())
        except (ValueError, KeyError, TypeError, IndexError) as error:
            return self._answer(422, {"error": f"no confirmation: {type(error).__name__}"})
        return self._answer(200, {"key": key, "booked": booked})

    def do_GET(self) -> None:
        """Show what was booked."""
        self._answer(200, {"bookings": self.books.show()})

    def log_message(self, *_args: object) -> None:
        """Say nothing of each request."""

    def _answer(self, status: int, told: dict[str, object]) -> None:
        content = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="Books the confirmations of an MES, each once.")
    parser.add_argument("--database", default="bookings.db")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8091)
    options = parser.parse_args()
    Handler.books = Books(options.database)
    ThreadingHTTPServer((options.host, options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
