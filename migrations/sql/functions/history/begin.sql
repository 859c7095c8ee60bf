-- Begins a generation and gives its number; while one is being built, that one's. All times in its tables are unix microseconds.
CREATE OR REPLACE FUNCTION history.begin(of_version int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chosen int;
    place  text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('history.begin'));
    SELECT max(g.number) INTO chosen FROM history.generation g
     WHERE NOT g.active AND g.version = of_version AND g.number > coalesce((SELECT a.number FROM history.generation a WHERE a.active), 0);
    IF chosen IS NOT NULL THEN
        RETURN chosen;
    END IF;
    SELECT coalesce(max(g.number), 0) + 1 INTO chosen FROM history.generation g;
    place := 'history_' || chosen;
    EXECUTE format($sql$
        CREATE SCHEMA %1$I;
        CREATE TABLE %1$I.cursor (shard smallint PRIMARY KEY, pos bigint NOT NULL) WITH (fillfactor = 25);
        INSERT INTO %1$I.cursor SELECT number, 0 FROM generate_series(0, 255) AS number;
        CREATE TABLE %1$I.call (
            room_uid uuid NOT NULL, app bigint NOT NULL, room text NOT NULL, started_at bigint NOT NULL, ended_at bigint,
            reason text NOT NULL, seq bigint NOT NULL, last_event_at bigint NOT NULL, participants int NOT NULL,
            sessions int NOT NULL, peak int NOT NULL, streams int NOT NULL, plays int NOT NULL, kicks int NOT NULL, broadcasts int NOT NULL,
            barrages int NOT NULL, commands int NOT NULL, PRIMARY KEY (room_uid)
        ) PARTITION BY RANGE (room_uid);
        CREATE INDEX call_of_app ON %1$I.call (app, room_uid);
        CREATE INDEX call_of_room ON %1$I.call (app, room, room_uid);
        CREATE TABLE %1$I.participant (
            room_uid uuid NOT NULL, actor text NOT NULL, app bigint NOT NULL, first_at bigint NOT NULL, last_at bigint,
            sessions int NOT NULL, kicks int NOT NULL, messages int NOT NULL, PRIMARY KEY (room_uid, actor)
        ) PARTITION BY RANGE (room_uid);
        CREATE INDEX participant_calls ON %1$I.participant (app, actor, room_uid);
        CREATE TABLE %1$I.session (
            room_uid uuid NOT NULL, joined_seq bigint NOT NULL, session_id text NOT NULL, actor text NOT NULL, sealed_name text NOT NULL,
            joined_at bigint NOT NULL, left_seq bigint, left_at bigint,
            how text NOT NULL CHECK (how IN ('', 'left', 'kicked', 'closed')), reason text NOT NULL, code int NOT NULL,
            away int NOT NULL, away_us bigint NOT NULL, away_since bigint, PRIMARY KEY (room_uid, joined_seq)
        ) PARTITION BY RANGE (room_uid);
        CREATE INDEX session_open ON %1$I.session (room_uid) WHERE left_seq IS NULL;
        CREATE TABLE %1$I.stream (
            room_uid uuid NOT NULL, added_seq bigint NOT NULL, stream_id text NOT NULL, session_id text NOT NULL, actor text NOT NULL,
            added_at bigint NOT NULL, removed_seq bigint, removed_at bigint, code int NOT NULL, codec text NOT NULL,
            has_audio boolean NOT NULL, has_video boolean NOT NULL, nodes text NOT NULL, PRIMARY KEY (room_uid, added_seq)
        ) PARTITION BY RANGE (room_uid);
        CREATE INDEX stream_open ON %1$I.stream (room_uid) WHERE removed_seq IS NULL;
        CREATE TABLE %1$I.play (
            room_uid uuid NOT NULL, started_seq bigint NOT NULL, stream_id text NOT NULL, session_id text NOT NULL, actor text NOT NULL,
            by_actor text NOT NULL, started_at bigint NOT NULL, stopped_seq bigint, stopped_at bigint, reason text NOT NULL,
            PRIMARY KEY (room_uid, started_seq)
        ) PARTITION BY RANGE (room_uid);
        CREATE INDEX play_open ON %1$I.play (room_uid) WHERE stopped_seq IS NULL;
        CREATE INDEX play_of_stream ON %1$I.play (room_uid, stream_id, started_seq);
        CREATE TABLE %1$I.messages (
            room_uid uuid NOT NULL, started_at bigint NOT NULL, broadcasts int NOT NULL, barrages int NOT NULL, commands int NOT NULL,
            PRIMARY KEY (room_uid, started_at)
        ) PARTITION BY RANGE (room_uid);
        GRANT USAGE ON SCHEMA %1$I TO parlour_record;
        GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA %1$I TO parlour_record;
    $sql$, place);
    INSERT INTO history.generation (number, version, begun_at)
        VALUES (chosen, of_version, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
    PERFORM history.mirror_partitions(chosen);
    RETURN chosen;
END
$$;
