CREATE OR REPLACE FUNCTION parlour.verify(of_room uuid)
RETURNS TABLE (room_uid uuid, ok boolean, events bigint, broken_seq bigint, problem text, head_hash text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM parlour.log g WHERE g.uid = of_room) THEN
        SELECT of_room, NULL, 0, NULL, format('archived in %s (sha256 %s): verify that file', a.file, encode(a.sha256, 'hex')),
               encode(d.hash, 'hex')
          INTO room_uid, ok, events, broken_seq, problem, head_hash
          FROM parlour.archived d JOIN parlour.archive a ON a.number = d.archive
         WHERE d.room_uid = of_room AND a.dropped_at IS NOT NULL;
        IF FOUND THEN
            RETURN NEXT; RETURN;
        END IF;
    END IF;
    RETURN QUERY SELECT * FROM parlour.verify_chain(of_room);
END
$$;
