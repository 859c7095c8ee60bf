-- Views.

-- The record for the eye of an auditor.
CREATE VIEW parlour.history AS
    SELECT l.app, l.room, e.room_uid, e.seq, to_timestamp(e.appended_at / 1000000.0) AS at, e.type, e.aggregate, e.version, e.audience,
           convert_from(e.env, 'UTF8')::jsonb AS env, encode(e.hash, 'hex') AS hash
      FROM parlour.event e JOIN parlour.log l ON l.uid = e.room_uid;

-- Holds that stand, as the apps' own logs say. `actor` and `room` are null where the event that placed one can't be read.
CREATE VIEW parlour.hold AS
    SELECT s.app, s.actor, s.room FROM (
        SELECT DISTINCT ON (g.app, d.data ->> 'actor', d.data ->> 'room')
               g.app, e.type, d.data ->> 'actor' AS actor, d.data ->> 'room' AS room
          FROM parlour.log g JOIN parlour.event e ON e.room_uid = g.uid
         CROSS JOIN LATERAL (SELECT parlour.envelope(e.env) -> 'data' AS data) d
         WHERE g.room = '' AND e.type IN ('app.hold_placed.v1', 'app.hold_released.v1')
         ORDER BY g.app, d.data ->> 'actor', d.data ->> 'room', e.seq DESC) s
     WHERE s.type = 'app.hold_placed.v1';
