-- Appends one unit that puts one event behind an open log and at most requires one claim: what most commands are. The same rules, checks
-- and answers as parlour.append, with plain values in place of 33 arrays and five statements in place of nine.
--
-- c_kind null: no claim is required.
--
-- The shard's row is changed at once, which locks it; where the unit is not committed the position is put back before anybody can see it.
CREATE OR REPLACE FUNCTION parlour.append_one(
    l_uid uuid, l_app bigint, l_room text, l_p smallint,
    u_app bigint, u_command uuid, u_principal text, u_digest bytea, u_answer bytea,
    a_aggregate text, a_expected bigint, a_closes boolean,
    e_type text, e_audience smallint, e_env bytea,
    c_kind text, c_app bigint, c_key text, c_slot text, c_holder text,
    OUT o_code smallint, OUT o_number bigint, OUT o_text text, OUT o_holder text, OUT o_answer bytea, OUT o_places bytea,
    OUT r_seq bigint, OUT r_at bigint, OUT r_pos bigint, OUT r_version bigint, OUT r_prev bytea, OUT r_hash bytea
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    bucket_class constant int := 20334;  -- as in parlour.append
    clock bigint; is_open boolean; before jsonb; same boolean; held text; locked text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'parlour.append_one needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF NOT pg_has_role(session_user, current_user, 'MEMBER') AND NOT EXISTS (
        SELECT FROM parlour.role_aggregate r WHERE r.role = session_user AND r.aggregate = a_aggregate
    ) THEN
        RAISE EXCEPTION 'role % may not append to %', session_user, a_aggregate USING ERRCODE = 'insufficient_privilege';
    END IF;

    UPDATE parlour.shard s SET pos = s.pos + 1 WHERE s.p = l_p RETURNING s.pos INTO r_pos;
    IF c_kind IS NOT NULL THEN
        locked := pg_advisory_xact_lock_shared(bucket_class, (hashtextextended(c_kind || '/' || c_app || '/' || c_key, 0) & 1023)::int);
    END IF;
    clock := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
    -- after the locks, so that it sees all that was committed under them
    SELECT g.seq + 1, g.hash, greatest(clock, g.at), g.open, g.versions, coalesce((g.versions ->> a_aggregate)::bigint, 0),
           d.principal = u_principal AND d.digest = u_digest, d.answer, d.places, m.holder
      INTO r_seq, r_prev, r_at, is_open, before, r_version, same, o_answer, o_places, held
      FROM (SELECT) AS one
      LEFT JOIN parlour.log g ON g.uid = l_uid AND g.p = l_p AND g.app = l_app AND g.room = l_room
      LEFT JOIN parlour.command d ON d.app = u_app AND d.command_id = u_command
      LEFT JOIN parlour.claim m ON m.kind = c_kind AND m.app = c_app AND m.key = c_key AND m.slot = c_slot;

    o_code := CASE
        WHEN same THEN 1
        WHEN NOT same THEN 3
        WHEN is_open IS NOT TRUE OR a_expected <> r_version THEN 2
        WHEN c_kind IS NOT NULL AND held IS DISTINCT FROM c_holder THEN 3
        ELSE 0 END;
    IF o_code <> 0 THEN
        UPDATE parlour.shard s SET pos = s.pos - 1 WHERE s.p = l_p;
        o_number := r_version;
        IF o_code = 3 THEN
            o_text := CASE WHEN same IS NULL THEN 'claim_missing' ELSE 'command_id_reused' END;
            o_holder := CASE WHEN same IS NULL THEN coalesce(held, '') END;
        END IF;
        RETURN;
    END IF;

    r_version := r_version + 1;
    r_hash := sha256('parlour.ev.1'::bytea || r_prev || int8send(r_seq) || int8send(r_at) || sha256(e_env));
    o_places := uuid_send(l_uid) || int8send(r_seq);
    INSERT INTO parlour.event (room_uid, seq, p, pos, at, aggregate, version, type, audience, env, prev, hash)
        VALUES (l_uid, r_seq, l_p, r_pos, r_at, a_aggregate, r_version, e_type, e_audience, e_env, r_prev, r_hash);
    UPDATE parlour.log g SET seq = r_seq, hash = r_hash, at = r_at, open = NOT a_closes,
                             versions = before || jsonb_build_object(a_aggregate, r_version) WHERE g.uid = l_uid;
    INSERT INTO parlour.command (app, command_id, principal, digest, answer, places, at)
        VALUES (u_app, u_command, u_principal, u_digest, u_answer, o_places, clock);
END
$$;
