-- Destroys a person's key, and with it what every log says of them. False: it was gone already.
CREATE OR REPLACE FUNCTION parlour.erase_person(of_actor uuid) RETURNS boolean
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
