"""What a shared file holds: the tables of the ledger."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LEDGER", "Schema"]


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind of file."""

    what: str
    """What people call it, in errors."""
    application_id: int
    """Tells it from journals and from other databases."""
    version: int
    tables: str
    """The statements that make it."""


LEDGER = Schema(
    "ledger",
    0x4C494D4C,  # "LIML"
    1,
    """
CREATE TABLE processes (number INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE);
CREATE TABLE pictures (
    tenant TEXT NOT NULL, id TEXT NOT NULL, picture TEXT NOT NULL, PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE TABLE promises (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, run TEXT NOT NULL, number INTEGER NOT NULL, alt TEXT NOT NULL,
    state TEXT NOT NULL, picture TEXT, code TEXT, process TEXT NOT NULL, made_at_s REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX promises_pending ON promises (process) WHERE state = 'pending';
CREATE TABLE turns (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, run TEXT NOT NULL, told TEXT NOT NULL,
    handed_out_at_s REAL NOT NULL
);
CREATE INDEX turns_by_age ON turns (handed_out_at_s);
CREATE TABLE calls (
    tenant TEXT NOT NULL, id TEXT NOT NULL, turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX calls_of_turns ON calls (turn);
CREATE TABLE spent (
    tenant TEXT NOT NULL, day TEXT NOT NULL, run TEXT NOT NULL, nanos INTEGER NOT NULL,
    PRIMARY KEY (tenant, day, run)
) WITHOUT ROWID;
CREATE TABLE claims (
    id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, key TEXT, request BLOB NOT NULL, run TEXT,
    process TEXT NOT NULL, state TEXT NOT NULL, head TEXT, changed_at_s REAL NOT NULL
);
CREATE UNIQUE INDEX claims_by_key ON claims (tenant, key) WHERE key IS NOT NULL;
CREATE INDEX claims_by_request ON claims (tenant, request) WHERE key IS NULL;
CREATE INDEX claims_by_age ON claims (changed_at_s);
CREATE TABLE answers (
    claim INTEGER PRIMARY KEY REFERENCES claims (id) ON DELETE CASCADE, tenant TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX answers_of_tenants ON answers (tenant);
CREATE TABLE kept (tenant TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER answer_kept AFTER INSERT ON answers BEGIN
    INSERT INTO kept VALUES (new.tenant, length(new.body))
        ON CONFLICT (tenant) DO UPDATE SET size_bytes = size_bytes + excluded.size_bytes;
END;
CREATE TRIGGER answer_dropped AFTER DELETE ON answers BEGIN
    UPDATE kept SET size_bytes = size_bytes - length(old.body) WHERE tenant = old.tenant;
END;
""",
)
