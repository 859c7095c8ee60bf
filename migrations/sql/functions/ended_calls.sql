-- The calls of a month that ended before a moment, in the order of their ids. An app's own log (room '') never ends.
CREATE OR REPLACE FUNCTION parlour.ended_calls(of_month text, before_us bigint, after_uid uuid, at_most bigint) RETURNS SETOF parlour.log
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    begins timestamp;
BEGIN
    IF of_month = 'default' THEN
        RETURN QUERY SELECT g.* FROM parlour.log g WHERE g.uid > after_uid AND g.room <> '' AND NOT g.open AND g.last_event_at < before_us
                        AND g.uid IN (SELECT e.room_uid FROM parlour.event_default e) ORDER BY g.uid LIMIT at_most;
        RETURN;
    END IF;
    begins := to_date(of_month, 'YYYY_MM')::timestamp;
    RETURN QUERY SELECT g.* FROM parlour.log g
                  WHERE g.uid > after_uid AND g.uid >= parlour.uuid_floor(begins AT TIME ZONE 'UTC')
                    AND g.uid < parlour.uuid_floor((begins + interval '1 month') AT TIME ZONE 'UTC')
                    AND g.room <> '' AND NOT g.open AND g.last_event_at < before_us
                    AND EXISTS (SELECT FROM parlour.event e WHERE e.room_uid = g.uid)
                  ORDER BY g.uid LIMIT at_most;
END
$$;
