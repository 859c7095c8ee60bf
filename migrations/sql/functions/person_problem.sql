-- People who are in the room's events and whose key is gone, though nothing on record erased them. `actors` has each one's first seq.
-- A minute is left between the two halves of an erasure, by the database's clock: one that is noted for later excuses nothing.
CREATE OR REPLACE FUNCTION parlour.person_problem(head parlour.log, actors jsonb, OUT broken bigint, OUT problem text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH gone AS MATERIALIZED (
        SELECT a.key AS actor, a.value::bigint AS seq FROM jsonb_each_text(actors) a
         WHERE NOT EXISTS (SELECT FROM parlour.person p WHERE p.actor = a.key::uuid)
           AND NOT EXISTS (SELECT FROM parlour.erasure r WHERE r.actor = a.key::uuid
                              AND r.erased_at BETWEEN now() - interval '1 minute' AND now() + interval '1 minute')
    ), erased AS MATERIALIZED (
        SELECT parlour.envelope(e.env) -> 'data' ->> 'actor' AS actor FROM parlour.log g JOIN parlour.event e ON e.room_uid = g.uid
         WHERE EXISTS (SELECT FROM gone) AND g.app = head.app AND g.room = '' AND e.type = 'app.user_erased.v1'
    )
    SELECT g.seq, format('the key of person %s is gone, and no app.user_erased event says so', g.actor) FROM gone g
     WHERE NOT EXISTS (SELECT FROM erased r WHERE r.actor = g.actor) ORDER BY g.seq LIMIT 1
$$;
