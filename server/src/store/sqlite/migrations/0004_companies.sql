-- What is told together stays together. The first of a company has the others in JSON, under the name
-- that holds them; they have no due_at, since it brings them back with itself.
ALTER TABLE waiting ADD COLUMN company TEXT;
