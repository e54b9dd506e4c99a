-- Credentials of channels that a check saw to be another account's: a keyed digest of each, and whose it is. Typing one
-- again makes it nobody's, whatever was there in between.
create table credentials_of_others (
    channel_id text not null references channels (id),
    mac text not null,
    account text not null,
    account_id text,
    seen_at bigint not null,
    primary key (channel_id, mac)
);
