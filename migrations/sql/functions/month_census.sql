-- How many calls a month has, how many of them had ended before a moment, and how many are open.
CREATE OR REPLACE FUNCTION parlour.month_census(of_month text, before_us bigint) RETURNS TABLE (calls bigint, ended bigint, open bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*), count(*) FILTER (WHERE NOT g.open AND g.last_event_at < before_us), count(*) FILTER (WHERE g.open)
      FROM parlour.logs_of(of_month, '00000000-0000-0000-0000-000000000000', 9223372036854775807) g WHERE g.room <> ''
$$;
