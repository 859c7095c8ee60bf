-- Registers a file that is written: it holds all calls of the month that ended before the moment. Gives its number.
CREATE OR REPLACE FUNCTION parlour.note_archive(
    of_month text, of_before_us bigint, of_file text, of_sha256 bytea, of_size bigint, of_events bigint,
    exporter text, exported_at_us bigint
) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made int;
BEGIN
    INSERT INTO parlour.archive (month, before_us, file, sha256, size, calls, events, exported_by, exported_at)
        VALUES (of_month, of_before_us, of_file, of_sha256, of_size, 0, of_events, exporter, exported_at_us) RETURNING number INTO made;
    INSERT INTO parlour.archived (archive, room_uid, app, room, shard, first_pos, seq, hash, last_event_at)
        SELECT made, g.uid, g.app, g.room, g.shard, g.first_pos, g.seq, g.hash, g.last_event_at
          FROM parlour.ended_calls(of_month, of_before_us, '00000000-0000-0000-0000-000000000000', 9223372036854775807) g;
    UPDATE parlour.archive a SET calls = (SELECT count(*) FROM parlour.archived d WHERE d.archive = made) WHERE a.number = made;
    RETURN made;
END
$$;
