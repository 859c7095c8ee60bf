-- The logs whose events lie in a month, in the order of their ids.
CREATE OR REPLACE FUNCTION parlour.logs_of(of_month text, after_uid uuid, at_most bigint) RETURNS SETOF parlour.log
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    begins timestamp;
BEGIN
    IF of_month = 'default' THEN
        RETURN QUERY SELECT g.* FROM parlour.log g WHERE g.uid > after_uid AND g.uid IN (SELECT e.room_uid FROM parlour.event_default e)
                      ORDER BY g.uid LIMIT at_most;
        RETURN;
    END IF;
    begins := to_date(of_month, 'YYYY_MM')::timestamp;
    RETURN QUERY SELECT g.* FROM parlour.log g
                  WHERE g.uid > after_uid AND g.uid >= parlour.uuid_floor(begins AT TIME ZONE 'UTC')
                    AND g.uid < parlour.uuid_floor((begins + interval '1 month') AT TIME ZONE 'UTC')
                    AND EXISTS (SELECT FROM parlour.event e WHERE e.room_uid = g.uid)
                  ORDER BY g.uid LIMIT at_most;
END
$$;
