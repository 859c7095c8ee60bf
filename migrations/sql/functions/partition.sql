-- The shard of a room name: FNV-1a-32 over the app's digits and the room's subject token, modulo 256, as NATS's partition() computes it.
CREATE OR REPLACE FUNCTION parlour.partition(app bigint, room text) RETURNS smallint
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
