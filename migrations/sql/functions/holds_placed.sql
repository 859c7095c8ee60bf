-- How many holds were ever placed: more than before means that one must be looked at.
CREATE OR REPLACE FUNCTION parlour.holds_placed() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FROM parlour.log g JOIN parlour.event e ON e.room_uid = g.uid WHERE g.room = '' AND e.type = 'app.hold_placed.v1'
$$;
