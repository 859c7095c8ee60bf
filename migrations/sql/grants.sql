-- One role per service that reads or writes the log. A role can't log in until somebody gives it a password (ALTER ROLE ... LOGIN).
-- No role may INSERT, UPDATE or DELETE events: parlour.append and parlour.append_one, which run as the schema's owner, are the only way in.
-- Everything that a role may do is in this file.

DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['auth', 'room', 'registry', 'im', 'record'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', 'parlour_' || service);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the cluster: another database of it has made this one
        END;
    END LOOP;
END
$$;

-- Schemas and functions give PUBLIC nothing; Postgres grants EXECUTE on new functions to PUBLIC unless it is revoked.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA parlour, history FROM PUBLIC;

-- What all five services may do.
GRANT USAGE ON SCHEMA parlour TO parlour_auth, parlour_room, parlour_registry, parlour_im, parlour_record;
GRANT SELECT ON parlour.shard, parlour.log, parlour.event, parlour.claim, parlour.deadline, parlour.cursor, parlour.erasure
    TO parlour_auth, parlour_room, parlour_registry, parlour_im, parlour_record;
GRANT SELECT, INSERT ON parlour.person TO parlour_auth, parlour_room, parlour_registry, parlour_im, parlour_record;
GRANT EXECUTE ON FUNCTION
    parlour.advance, parlour.due, parlour.envelope, parlour.partition, parlour.uuid_floor,
    parlour.verify, parlour.verify_chain, parlour.verify_tree
    TO parlour_auth, parlour_room, parlour_registry, parlour_im, parlour_record;

-- The services that decide may append, each to its own aggregates: the append functions look them up by the session's role.
GRANT EXECUTE ON FUNCTION parlour.append, parlour.append_one, parlour.move_stray_events
    TO parlour_auth, parlour_room, parlour_registry, parlour_im;
INSERT INTO parlour.role_aggregate (role, aggregate) VALUES
    ('parlour_auth', 'app'), ('parlour_auth', 'bans'), ('parlour_auth', 'privacy'),
    ('parlour_room', 'room'), ('parlour_registry', 'streams'), ('parlour_im', 'im');

-- auth: apps, their secrets, erasures.
GRANT SELECT, INSERT ON parlour.app, parlour.app_secret TO parlour_auth;
GRANT EXECUTE ON FUNCTION parlour.erase_person, parlour.rooms_of_person TO parlour_auth;

-- record: history, webhooks, the signed tree, exports and retention. It appends nothing.
GRANT SELECT ON parlour.command, parlour.history, parlour.archive, parlour.archived TO parlour_record;
GRANT SELECT ON parlour.tree_leaf, parlour.tree_node, parlour.checkpoint, parlour.checkpoint_key TO parlour_record;
GRANT SELECT, INSERT ON parlour.damaged, parlour.export_taken TO parlour_record;
GRANT SELECT, INSERT, UPDATE, DELETE ON parlour.webhook, parlour.webhook_secret, parlour.webhook_cursor, parlour.webhook_backlog,
    parlour.webhook_dead, parlour.webhook_delivery TO parlour_record;
GRANT EXECUTE ON FUNCTION
    parlour.make_partitions, parlour.purge_commands, parlour.grow_tree, parlour.add_checkpoint_key,
    parlour.months, parlour.logs_of, parlour.ended_calls, parlour.month_census, parlour.retention_blockers, parlour.holds_placed,
    parlour.note_archive, parlour.refuse_archive, parlour.drop_archived, parlour.forget_archived
    TO parlour_record;
GRANT USAGE ON SCHEMA history TO parlour_record;
GRANT SELECT ON history.generation TO parlour_record;
GRANT SELECT, INSERT ON history.quality TO parlour_record;
GRANT USAGE ON SEQUENCE history.quality_sample TO parlour_record;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA history TO parlour_record;
