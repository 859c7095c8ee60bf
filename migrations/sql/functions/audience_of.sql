-- Who may see an event: it follows from its type, and of a command from whether it names anybody. Null for an unknown type.
-- Made from the contracts by `python -m parlour.contracts.audiences`.
CREATE OR REPLACE FUNCTION parlour.audience_of(of_type text, of_data jsonb) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (CASE
        WHEN of_type IN (
            'im.barrage_sent.v1',
            'im.broadcast_sent.v1',
            'room.closed.v1',
            'room.extra_info_changed.v1',
            'room.opened.v1',
            'room.user_joined.v1',
            'room.user_kicked.v1',
            'room.user_left.v1',
            'stream.added.v1',
            'stream.mutes_changed.v1',
            'stream.removed.v1',
            'stream.updated.v1') THEN 0
        WHEN of_type IN (
            'app.ban_lifted.v1',
            'app.ban_placed.v1',
            'app.created.v1',
            'app.erasure_freed.v1',
            'app.erasure_requested.v1',
            'app.hold_placed.v1',
            'app.hold_released.v1',
            'app.login_key_added.v1',
            'app.login_key_removed.v1',
            'app.rule_set.v1',
            'app.secret_rotated.v1',
            'app.subscription_issued.v1',
            'app.subscriptions_revoked.v1',
            'app.token_issued.v1',
            'app.user_erased.v1',
            'room.user_resumed.v1',
            'room.user_suspended.v1',
            'stream.play_started.v1',
            'stream.play_stopped.v1') THEN 2
        WHEN of_type = 'im.command_sent.v1' THEN
            CASE WHEN coalesce(of_data -> 'to', '[]') IN ('[]', 'null') THEN 0 ELSE 1 END
    END)::smallint
$$;
