"""What the file of stored responses holds."""

from __future__ import annotations

from ..ledger.schema import Schema

__all__ = ["HEAD", "INPUT", "OUTPUT", "SHELF"]

HEAD, INPUT, OUTPUT = 0, 1, 2
"""What a part is of its response: the object without its output, an item that was sent, one that was told.
In the order in which a conversation is read."""

SHELF = Schema(
    "file of stored responses",
    0x4C494D52,  # "LIMR"
    1,
    """
CREATE TABLE responses (
    key INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, id TEXT NOT NULL, previous TEXT,
    items_bytes INTEGER NOT NULL, rows_bytes INTEGER NOT NULL, used_at_s REAL NOT NULL
);
CREATE UNIQUE INDEX responses_by_id ON responses (tenant, id);
CREATE INDEX responses_by_age ON responses (used_at_s);
CREATE INDEX responses_of_tenants ON responses (tenant, used_at_s, key);
CREATE TABLE contents (key INTEGER PRIMARY KEY, tenant TEXT NOT NULL, digest BLOB NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX contents_by_digest ON contents (tenant, digest);
CREATE TABLE parts (
    response INTEGER NOT NULL REFERENCES responses (key) ON DELETE CASCADE,
    side INTEGER NOT NULL, place INTEGER NOT NULL, tenant TEXT NOT NULL, id TEXT,
    size_bytes INTEGER NOT NULL, content INTEGER NOT NULL REFERENCES contents (key)
);
CREATE UNIQUE INDEX parts_of_responses ON parts (response, side, place);
CREATE INDEX parts_by_id ON parts (tenant, id, side, response) WHERE id IS NOT NULL;
CREATE INDEX parts_of_contents ON parts (content);
CREATE TABLE kept (tenant TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER part_dropped AFTER DELETE ON parts BEGIN
    DELETE FROM contents
        WHERE key = old.content AND NOT EXISTS (SELECT 1 FROM parts WHERE content = old.content);
END;
CREATE TRIGGER response_kept AFTER INSERT ON responses BEGIN
    INSERT INTO kept VALUES (new.tenant, new.rows_bytes)
        ON CONFLICT (tenant) DO UPDATE SET size_bytes = size_bytes + excluded.size_bytes;
END;
CREATE TRIGGER response_dropped AFTER DELETE ON responses BEGIN
    UPDATE kept SET size_bytes = size_bytes - old.rows_bytes WHERE tenant = old.tenant;
END;
CREATE TRIGGER content_kept AFTER INSERT ON contents BEGIN
    INSERT INTO kept VALUES (new.tenant, length(new.body))
        ON CONFLICT (tenant) DO UPDATE SET size_bytes = size_bytes + excluded.size_bytes;
END;
CREATE TRIGGER content_dropped AFTER DELETE ON contents BEGIN
    UPDATE kept SET size_bytes = size_bytes - length(old.body) WHERE tenant = old.tenant;
END;
""",
)
