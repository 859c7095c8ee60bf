-- The record service alone exports and drops; services that could verify a room before still can.
DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'parlour'::regnamespace AND proname IN (
        'months', 'logs_of', 'ended_lives', 'month_census', 'retention_blockers', 'note_archive', 'refuse_archive', 'holds_placed',
        'drop_archived', 'forget_archived')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO parlour_record', f);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION parlour.verify FROM PUBLIC;
GRANT EXECUTE ON FUNCTION parlour.verify TO parlour_auth, parlour_room, parlour_registry, parlour_im, parlour_record;
