-- Which priority jobs have for which none is asked, and the highest that may be asked
-- for; null for what the role gives.
ALTER TABLE dffmpeg_identities ADD COLUMN priority INTEGER;
ALTER TABLE dffmpeg_identities ADD COLUMN max_priority INTEGER;
