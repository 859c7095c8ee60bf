-- The bytes of a deleted key leave the table's file about a minute after an erasure. By the usual thresholds (50 dead rows and a fifth of the
-- table) they would stay for years where few are erased. Nothing but erasures makes dead rows here, so nothing else pays for it.
ALTER TABLE parlour.person SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
