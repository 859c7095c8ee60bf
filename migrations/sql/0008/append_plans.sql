-- The appends' statements find single rows by primary keys for a handful of arguments. A planner that guesses a thousand rows from an
-- array reads all of parlour.command for a hash instead, the slower the longer the record is; and one that plans anew each time costs
-- more than the statement. So: by index and nested loop, planned once.
DO $$
DECLARE
    f regprocedure;
    setting text;
BEGIN
    FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'parlour'::regnamespace AND proname IN ('append', 'append_one') LOOP
        FOREACH setting IN ARRAY ARRAY['enable_seqscan = off', 'enable_hashjoin = off', 'enable_mergejoin = off', 'jit = off',
                                       'plan_cache_mode = force_generic_plan'] LOOP
            EXECUTE format('ALTER FUNCTION %s SET %s', f, setting);
        END LOOP;
    END LOOP;
END
$$;
