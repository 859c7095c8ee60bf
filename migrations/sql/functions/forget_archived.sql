-- Deletes the calls of a dropped file from every generation of history, where their rows would say more than the log can prove.
CREATE OR REPLACE FUNCTION parlour.forget_archived(of_number int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'room_uid'
         WHERE n.nspname ~ '^history_[0-9]+$' AND c.relkind IN ('p', 'r') AND NOT c.relispartition
    LOOP
        EXECUTE format('DELETE FROM %s h USING parlour.archived d WHERE d.archive = $1 AND d.room_uid = h.room_uid', place.name)
            USING of_number;
    END LOOP;
    UPDATE parlour.archive a SET forgotten = true WHERE a.number = of_number AND a.dropped_at IS NOT NULL;
END
$$;
