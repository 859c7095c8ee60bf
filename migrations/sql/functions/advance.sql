-- Moves a reader's cursor forward, never back.
CREATE OR REPLACE FUNCTION parlour.advance(of_reader text, of_shard smallint, to_pos bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO parlour.cursor AS c (reader, shard, pos) VALUES (of_reader, of_shard, to_pos)
        ON CONFLICT (reader, shard) DO UPDATE SET pos = excluded.pos WHERE c.pos < excluded.pos
$$;
