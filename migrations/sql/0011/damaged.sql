-- Events that a reader of the record went past because it could not read them: somebody changed them in the database, or they are of a
-- type that this version does not know. parlour.verify says which of the two.
CREATE TABLE parlour.damaged (
    room_uid uuid   NOT NULL,
    seq      bigint NOT NULL,
    reader   text   NOT NULL,
    type     text   NOT NULL,
    problem  text   NOT NULL,
    at       bigint NOT NULL,
    PRIMARY KEY (room_uid, seq, reader)
);
COMMENT ON COLUMN parlour.damaged.reader IS 'who went past: history, or webhook/<endpoint>';
COMMENT ON COLUMN parlour.damaged.at IS 'unix microseconds: when it was first gone past';

GRANT SELECT, INSERT ON parlour.damaged TO parlour_record;
