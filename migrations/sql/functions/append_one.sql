-- Appends one unit that adds one event to an open log and at most requires one claim, which is what most commands are: plain values in
-- place of arrays, five statements in place of eleven. `claim_kind` null: no claim is required.
--
-- It commits only what parlour.append would commit too. All else (a command that was done before, a conflict, a missing claim, a role
-- without the aggregate, a wrong isolation level) it hands to parlour.append, which says what it is; the answer has the fields of its types
-- append_result and append_position.
--
-- The shard's row is changed at once, which locks it; where the unit is not committed the position is put back before anybody can see it.
CREATE OR REPLACE FUNCTION parlour.append_one(
    log_uid uuid, log_app bigint, log_room text, log_shard smallint,
    unit_app bigint, unit_command_id uuid, unit_principal text, unit_digest bytea, unit_answer bytea,
    change_aggregate text, change_expected_version bigint, change_closes boolean,
    event_type text, event_audience smallint, event_env bytea,
    claim_kind text, claim_app bigint, claim_key text, claim_holder text, claim_slot text,
    OUT outcome text, OUT failed int, OUT version bigint, OUT reason text, OUT holder text, OUT answer bytea, OUT places bytea,
    OUT seq bigint, OUT appended_at bigint, OUT pos bigint, OUT prev bytea, OUT hash bytea
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    started_at   bigint;  -- unix microseconds
    old_versions jsonb;
    is_good      boolean;
BEGIN
    IF current_setting('transaction_isolation') = 'read committed' AND (
        pg_has_role(session_user, current_user, 'MEMBER')
        OR EXISTS (SELECT FROM parlour.role_aggregate r WHERE r.role = session_user AND r.aggregate = change_aggregate))
    THEN
        UPDATE parlour.shard s SET pos = s.pos + 1 WHERE s.shard = log_shard RETURNING s.pos INTO pos;
        IF claim_kind IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock_shared(parlour.key_lock(claim_kind, claim_app, claim_key));
        END IF;
        started_at := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
        -- after the locks, so that it sees all that was committed under them
        SELECT g.seq + 1, greatest(started_at, g.last_event_at), coalesce((g.versions ->> change_aggregate)::bigint, 0), g.hash, g.versions,
               g.open AND d.command_id IS NULL AND (claim_kind IS NULL OR m.holder = claim_holder)
          INTO seq, appended_at, version, prev, old_versions, is_good
          FROM (SELECT) AS one
          LEFT JOIN parlour.log g ON g.uid = log_uid AND g.shard = log_shard AND g.app = log_app AND g.room = log_room
          LEFT JOIN parlour.command d ON d.app = unit_app AND d.command_id = unit_command_id
          LEFT JOIN parlour.claim m ON m.kind = claim_kind AND m.app = claim_app AND m.key = claim_key AND m.slot = claim_slot;
        IF is_good AND version = coalesce(change_expected_version, version) THEN
            outcome := 'committed';
            version := version + 1;
            hash := parlour.event_hash(prev, seq, appended_at, event_env);
            places := uuid_send(log_uid) || int8send(seq);
            INSERT INTO parlour.event (room_uid, seq, shard, pos, appended_at, aggregate, version, type, audience, env, prev, hash)
                VALUES (log_uid, append_one.seq, log_shard, append_one.pos, append_one.appended_at, change_aggregate, append_one.version,
                        event_type, event_audience, event_env, append_one.prev, append_one.hash);
            UPDATE parlour.log g
               SET seq = append_one.seq, hash = append_one.hash, last_event_at = append_one.appended_at, open = NOT change_closes,
                   versions = old_versions || jsonb_build_object(change_aggregate, append_one.version)
             WHERE g.uid = log_uid;
            INSERT INTO parlour.command (app, command_id, principal, digest, answer, places, completed_at)
                VALUES (unit_app, unit_command_id, unit_principal, unit_digest, unit_answer, append_one.places, started_at);
            RETURN;
        END IF;
        UPDATE parlour.shard s SET pos = s.pos - 1 WHERE s.shard = log_shard;
    END IF;
    SELECT r.outcome, r.failed, coalesce(p.version, r.version), r.reason, r.holder, r.answer, r.places,
           p.seq, p.appended_at, p.pos, p.prev, p.hash
      INTO outcome, failed, version, reason, holder, answer, places, seq, appended_at, pos, prev, hash
      FROM parlour.append(
               ARRAY[ROW(log_uid, log_app, log_room, log_shard)::parlour.append_log],
               ARRAY[ROW(unit_app, unit_command_id, unit_principal, unit_digest, unit_answer, 1, 1, (claim_kind IS NOT NULL)::int, 0, 0)
                     ::parlour.append_unit],
               ARRAY[ROW(1, change_aggregate, change_expected_version, false, change_closes, 1)::parlour.append_change],
               ARRAY[ROW(event_type, event_audience, event_env)::parlour.append_event],
               CASE WHEN claim_kind IS NULL THEN '{}' ELSE
                    ARRAY[ROW('require', claim_kind, claim_app, claim_key, claim_holder, claim_slot, 1)::parlour.append_claim] END,
               '{}') a
     CROSS JOIN LATERAL (SELECT (a.results[1]).*) r CROSS JOIN LATERAL (SELECT (a.positions[1]).*) p;
END
$$;
