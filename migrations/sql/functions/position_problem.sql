-- Positions: each event's own, in order, none behind the shard's last, and none that the signer went past without signing. Whoever moves
-- the signer's cursor on would keep a log's end unsigned for ever, to be written anew at leisure.
CREATE OR REPLACE FUNCTION parlour.position_problem(head parlour.log, OUT broken bigint, OUT problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT e.seq, 'it stands at a position that its shard has not reached' INTO broken, problem
      FROM parlour.event e JOIN parlour.shard s ON s.shard = head.shard
     WHERE e.room_uid = head.uid AND e.pos > s.pos ORDER BY e.seq LIMIT 1;
    IF FOUND THEN RETURN; END IF;
    SELECT e.seq, 'an event of another log stands at its position' INTO broken, problem
      FROM parlour.event e WHERE e.room_uid = head.uid
       AND EXISTS (SELECT FROM parlour.event o WHERE o.shard = e.shard AND o.pos = e.pos AND o.room_uid <> e.room_uid)
     ORDER BY e.seq LIMIT 1;
    IF FOUND THEN RETURN; END IF;
    SELECT head.seq, 'the signer is said to be at position ' || c.pos || ' of the shard, which is at ' || s.pos INTO broken, problem
      FROM parlour.cursor c JOIN parlour.shard s ON s.shard = c.shard
     WHERE c.reader = 'record.checkpoints' AND c.shard = head.shard AND c.pos > s.pos;
    IF FOUND THEN RETURN; END IF;
    SELECT e.seq, 'the signer went past this event, and no checkpoint has it' INTO broken, problem
      FROM parlour.event e JOIN parlour.cursor c ON c.reader = 'record.checkpoints' AND c.shard = head.shard AND e.pos <= c.pos
     WHERE e.room_uid = head.uid AND e.seq > (SELECT coalesce(max(t.seq), 0) FROM parlour.tree_leaf t WHERE t.room_uid = head.uid)
     ORDER BY e.seq LIMIT 1;
END
$$;
