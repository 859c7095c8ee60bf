-- Gives the tables of a generation the partitions that parlour.event has and they have not. A month whose rows went into the default
-- partition already stays there.
CREATE OR REPLACE FUNCTION history.mirror_partitions(of_number int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place  text := 'history_' || of_number;
    month  record;
    parent text;
BEGIN
    FOR month IN
        SELECT substr(c.relname, 7) AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'parlour.event'::regclass
    LOOP
        FOREACH parent IN ARRAY ARRAY['call', 'participant', 'session', 'stream', 'play', 'messages'] LOOP
            CONTINUE WHEN to_regclass(format('%I.%I', place, parent || '_' || month.name)) IS NOT NULL;
            BEGIN
                EXECUTE format('CREATE TABLE %1$I.%2$I PARTITION OF %1$I.%3$I %4$s',
                    place, parent || '_' || month.name, parent, month.bound);
            EXCEPTION WHEN check_violation THEN
                NULL;
            END;
        END LOOP;
    END LOOP;
END
$$;
