-- The shard of a room name: FNV-1a-32 over the app's digits and the room's subject token, modulo 256, as NATS's partition() computes it.
CREATE FUNCTION parlour.partition(app bigint, room text) RETURNS smallint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    raw    bytea  := convert_to(room, 'UTF8');
    token  text   := CASE WHEN room = '' THEN '=' ELSE '' END;
    octets bytea;
    octet  int;
    value  bigint := 2166136261;
BEGIN
    IF room ~ '^[0-9A-Za-z_-]+$' THEN
        token := room;
    ELSE
        FOR i IN 0 .. length(raw) - 1 LOOP
            octet := get_byte(raw, i);
            IF octet < 128 AND chr(octet) ~ '^[0-9A-Za-z_-]$' THEN
                token := token || chr(octet);
            ELSE
                token := token || '=' || upper(lpad(to_hex(octet), 2, '0'));
            END IF;
        END LOOP;
    END IF;
    octets := convert_to(app::text || token, 'UTF8');
    FOR i IN 0 .. length(octets) - 1 LOOP
        value := ((value # get_byte(octets, i)) * 16777619) & 4294967295;
    END LOOP;
    RETURN value % 256;
END
$$;

-- The smallest UUIDv7 of a moment.
CREATE FUNCTION parlour.uuid_floor(moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT rpad(lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- Makes the monthly partitions from the month of `start` to `ahead` months later; gives the names of the new ones.
-- A month that the default partition already holds rows of stays there.
CREATE FUNCTION parlour.make_partitions(ahead int, start timestamptz DEFAULT now()) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month  timestamp := date_trunc('month', start AT TIME ZONE 'UTC');
    lowest uuid;
    above  uuid;
    child  text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parlour.make_partitions'));
    FOR i IN 0 .. ahead LOOP
        lowest := parlour.uuid_floor((month + make_interval(months => i)) AT TIME ZONE 'UTC');
        above := parlour.uuid_floor((month + make_interval(months => i + 1)) AT TIME ZONE 'UTC');
        child := 'event_' || to_char(month + make_interval(months => i), 'YYYY_MM');
        CONTINUE WHEN to_regclass('parlour.' || child) IS NOT NULL;
        CONTINUE WHEN EXISTS (SELECT FROM parlour.event_default WHERE room_uid >= lowest AND room_uid < above);
        EXECUTE format('CREATE TABLE parlour.%I PARTITION OF parlour.event FOR VALUES FROM (%L) TO (%L)', child, lowest, above);
        RETURN NEXT child;
    END LOOP;
END
$$;

SELECT parlour.make_partitions(4, now() - interval '1 month');
