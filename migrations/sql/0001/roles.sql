-- One role per service that reads or writes the record. They can't log in until somebody gives them a password (ALTER ROLE ... LOGIN).
-- Nobody may INSERT, UPDATE or DELETE events: parlour.append, which runs as the schema's owner, is the only way in.
DO $$
DECLARE
    service text;
    role    text;
BEGIN
    FOREACH service IN ARRAY ARRAY['auth', 'room', 'registry', 'im', 'record'] LOOP
        role := 'parlour_' || service;
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the cluster: another database of it has made this one
        END;
        EXECUTE format('GRANT USAGE ON SCHEMA parlour TO %I', role);
        EXECUTE format('GRANT SELECT ON parlour.shard, parlour.log, parlour.event, parlour.claim, parlour.deadline, parlour.cursor TO %I', role);
        EXECUTE format('GRANT SELECT, INSERT ON parlour.person TO %I', role);
    END LOOP;
END
$$;

INSERT INTO parlour.role_aggregate (role, aggregate) VALUES
    ('parlour_auth', 'app'), ('parlour_room', 'room'), ('parlour_registry', 'streams'), ('parlour_im', 'im');

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'parlour'::regnamespace LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        CONTINUE WHEN f::text LIKE 'parlour.make_partitions%' OR f::text LIKE 'parlour.purge_commands%';
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO parlour_auth, parlour_room, parlour_registry, parlour_im, parlour_record', f);
    END LOOP;
    FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'parlour'::regnamespace AND proname = 'append' LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM parlour_record', f);
    END LOOP;
    FOR f IN SELECT oid::regprocedure FROM pg_proc
              WHERE pronamespace = 'parlour'::regnamespace AND proname IN ('make_partitions', 'purge_commands') LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO parlour_record', f);
    END LOOP;
END
$$;

GRANT SELECT ON parlour.command, parlour.history TO parlour_record;
GRANT DELETE ON parlour.person TO parlour_record;
