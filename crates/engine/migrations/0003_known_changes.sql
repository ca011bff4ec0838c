-- Counts every change of what is known of a connection's movements, whoever makes it, so that what was loaded once can be used
-- again until something changes.
CREATE TABLE known_changes (
    connection_id TEXT PRIMARY KEY,
    count         INTEGER NOT NULL
);
CREATE TRIGGER identity_added AFTER INSERT ON identity BEGIN
    INSERT INTO known_changes (connection_id, count) VALUES (NEW.connection_id, 1) ON CONFLICT (connection_id) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER identity_changed AFTER UPDATE ON identity BEGIN
    INSERT INTO known_changes (connection_id, count) VALUES (NEW.connection_id, 1) ON CONFLICT (connection_id) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER identity_gone AFTER DELETE ON identity BEGIN
    INSERT INTO known_changes (connection_id, count) VALUES (OLD.connection_id, 1) ON CONFLICT (connection_id) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN
    INSERT INTO known_changes (connection_id, count) VALUES (NEW.connection_id, 1) ON CONFLICT (connection_id) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER entry_changed AFTER UPDATE ON entry BEGIN
    INSERT INTO known_changes (connection_id, count) VALUES (NEW.connection_id, 1) ON CONFLICT (connection_id) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER entry_gone AFTER DELETE ON entry BEGIN
    INSERT INTO known_changes (connection_id, count) VALUES (OLD.connection_id, 1) ON CONFLICT (connection_id) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER alias_added AFTER INSERT ON alias BEGIN
    INSERT INTO known_changes (connection_id, count) VALUES (NEW.connection_id, 1) ON CONFLICT (connection_id) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER alias_changed AFTER UPDATE ON alias BEGIN
    INSERT INTO known_changes (connection_id, count) VALUES (NEW.connection_id, 1) ON CONFLICT (connection_id) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER alias_gone AFTER DELETE ON alias BEGIN
    INSERT INTO known_changes (connection_id, count) VALUES (OLD.connection_id, 1) ON CONFLICT (connection_id) DO UPDATE SET count = count + 1;
END;
-- What arrived since a moment is looked for at every reading.
CREATE INDEX record_received ON record (connection_id, version, received_at);
