-- How often a user was logged out everywhere: sessions that began with a lower number are over.
ALTER TABLE users ADD COLUMN logouts INTEGER NOT NULL DEFAULT 0;
