-- Bans stand in the app's own log, under the aggregate `bans`; `auth` decides them, the room service heeds them.

INSERT INTO parlour.role_aggregate (role, aggregate) VALUES ('parlour_auth', 'bans');
