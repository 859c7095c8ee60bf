-- A file that is not good enough: nothing is dropped for it, ever.
CREATE OR REPLACE FUNCTION parlour.refuse_archive(of_number int, of_problem text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE parlour.archive a SET problem = of_problem WHERE a.number = of_number AND a.dropped_at IS NULL
$$;
