-- In which of these rooms, over all their calls, a person appears.
CREATE OR REPLACE FUNCTION parlour.rooms_of_person(of_app bigint, of_rooms text[], of_actor uuid) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.room FROM unnest(of_rooms) AS r(room)
     WHERE EXISTS (SELECT FROM parlour.log g JOIN parlour.event e ON e.room_uid = g.uid
                    WHERE g.app = of_app AND g.room = r.room AND position(convert_to(of_actor::text, 'UTF8') IN e.env) > 0)
$$;
