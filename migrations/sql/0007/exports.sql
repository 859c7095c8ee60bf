-- Who exported a log, noted before its first event is handed out. `by` is the exporter's name as given: staff, not a person on the record.
CREATE TABLE parlour.export_taken (
    room_uid uuid   NOT NULL,
    at       bigint NOT NULL,
    by       text   NOT NULL
);
CREATE INDEX export_taken_room ON parlour.export_taken (room_uid, at);
CREATE INDEX export_taken_at ON parlour.export_taken (at);

GRANT SELECT, INSERT ON parlour.export_taken TO parlour_record;
