-- The partitions of the log: YYYY_MM, and default.
CREATE OR REPLACE FUNCTION parlour.months() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT substr(c.relname, 7) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'parlour.event'::regclass ORDER BY 1
$$;
