-- Erasure of people. What is asked for and done stands in the app's own log, under the aggregate `privacy`.

INSERT INTO parlour.role_aggregate (role, aggregate) VALUES ('parlour_auth', 'privacy');

-- Who was erased lately: every process that keeps keys looks here once a second, in case the event did not reach it.
CREATE TABLE parlour.erasure (
    actor uuid        PRIMARY KEY,
    at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX erasure_at ON parlour.erasure (at);

-- Destroys a person's key, and with it what every log says of them. False: it was gone already.
CREATE FUNCTION parlour.erase_person(of_actor uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM parlour.person p WHERE p.actor = of_actor;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO parlour.erasure (actor) VALUES (of_actor) ON CONFLICT DO NOTHING;
    RETURN true;
END
$$;

-- In which of these rooms, over all their lives, a person appears.
CREATE FUNCTION parlour.rooms_of_person(of_app bigint, of_rooms text[], of_actor uuid) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.room FROM unnest(of_rooms) AS r(room)
     WHERE EXISTS (SELECT FROM parlour.log g JOIN parlour.event e ON e.room_uid = g.uid
                    WHERE g.app = of_app AND g.room = r.room AND position(convert_to(of_actor::text, 'UTF8') IN e.env) > 0)
$$;

REVOKE ALL ON FUNCTION parlour.erase_person FROM PUBLIC;
REVOKE ALL ON FUNCTION parlour.rooms_of_person FROM PUBLIC;
REVOKE DELETE ON parlour.person FROM parlour_record;
GRANT EXECUTE ON FUNCTION parlour.erase_person TO parlour_auth;
GRANT EXECUTE ON FUNCTION parlour.rooms_of_person TO parlour_auth;
GRANT SELECT ON parlour.erasure TO parlour_auth, parlour_room, parlour_registry, parlour_im, parlour_record;
