-- The database of the tea shop. Runs on SQLite 3.38 and later.
--
-- Amounts are whole cents, weights whole grams, times are UTC in ISO 8601. 库存不直接存数字，
-- 而是由入库和出库记录求和得到，这样每一克茶叶的去向都可以追查。

PRAGMA foreign_keys = ON;

BEGIN;

CREATE TABLE tea (
    tea_id   INTEGER PRIMARY KEY,
    slug     TEXT NOT NULL UNIQUE CHECK (slug = lower(slug)),
    name_zh  TEXT NOT NULL,
    name_en  TEXT NOT NULL,
    kind     TEXT NOT NULL CHECK (kind IN ('green', 'white', 'yellow', 'oolong', 'black', 'dark')),
    province TEXT,
    cents    INTEGER NOT NULL CHECK (cents > 0),
    active   INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
);

CREATE TABLE customer (
    customer_id INTEGER PRIMARY KEY,
    email       TEXT NOT NULL UNIQUE COLLATE NOCASE,
    name        TEXT NOT NULL,
    joined_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE TABLE purchase (
    purchase_id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customer,
    placed_at   TEXT NOT NULL,
    status      TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'paid', 'sent', 'void'))
);

CREATE TABLE purchase_line (
    purchase_id INTEGER NOT NULL REFERENCES purchase ON DELETE CASCADE,
    tea_id      INTEGER NOT NULL REFERENCES tea,
    bags        INTEGER NOT NULL CHECK (bags > 0),
    cents       INTEGER NOT NULL,  -- the price on that day, not the present one
    PRIMARY KEY (purchase_id, tea_id)
) WITHOUT ROWID;

CREATE TABLE stock_move (
    move_id  INTEGER PRIMARY KEY,
    tea_id   INTEGER NOT NULL REFERENCES tea,
    bags     INTEGER NOT NULL CHECK (bags <> 0),
    moved_at TEXT NOT NULL,
    reason   TEXT NOT NULL CHECK (reason IN ('delivery', 'sale', 'return', 'spoiled', 'count'))
);

CREATE INDEX stock_move_by_tea ON stock_move (tea_id, moved_at);
CREATE INDEX purchase_by_customer ON purchase (customer_id, placed_at);

CREATE VIEW stock AS
SELECT t.tea_id, t.slug, coalesce(sum(m.bags), 0) AS bags
FROM tea AS t
LEFT JOIN stock_move AS m USING (tea_id)
GROUP BY t.tea_id;

-- Paying takes the bags from the shelf, once.
CREATE TRIGGER purchase_paid
AFTER UPDATE OF status ON purchase
WHEN OLD.status = 'open' AND NEW.status = 'paid'
BEGIN
    SELECT raise(ABORT, 'not enough in stock')
    FROM purchase_line AS l JOIN stock AS s USING (tea_id)
    WHERE l.purchase_id = NEW.purchase_id AND l.bags > s.bags;

    INSERT INTO stock_move (tea_id, bags, moved_at, reason)
    SELECT tea_id, -bags, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), 'sale'
    FROM purchase_line
    WHERE purchase_id = NEW.purchase_id;
END;

-- Revenue by month and kind, with the share of each kind in its month.
CREATE VIEW revenue_by_kind AS
WITH sold AS (
    SELECT substr(p.placed_at, 1, 7) AS month, t.kind, sum(l.bags * l.cents) AS cents
    FROM purchase AS p
    JOIN purchase_line AS l USING (purchase_id)
    JOIN tea AS t USING (tea_id)
    WHERE p.status IN ('paid', 'sent')
    GROUP BY month, t.kind
)
SELECT month, kind, cents,
       round(100.0 * cents / sum(cents) OVER (PARTITION BY month), 1) AS share_percent
FROM sold;

COMMIT;
