-- Apps that are registered at networks. A row is never changed: what was granted to one names it.
create table oauth_apps (
    id text primary key,
    adapter text not null,
    -- The server, on a network of many; otherwise empty.
    server text not null,
    client_id text not null,
    -- Sealed.
    secret text not null,
    authorize_url text not null,
    token_url text not null,
    revoke_url text,
    -- Where the network sends people back to, as it was registered.
    redirect text not null,
    created_at bigint not null
);
create index oauth_apps_newest on oauth_apps (adapter, server, created_at);

-- People who were sent to a network to grant access, and are not back yet.
create table oauth_starts (
    id text primary key,
    -- Hash of what comes back with the person.
    state text not null unique,
    -- The session that started it, which alone can finish it; empty: over the API.
    session text not null,
    person_id text not null references people (id),
    app_id text not null references oauth_apps (id),
    -- The channel that is connected again.
    channel_id text references channels (id),
    -- JSON of the channel that is to be made.
    new_channel text,
    -- The verifier of PKCE, sealed.
    verifier text not null,
    -- Digest of the adapter and the settings: the access is for these alone.
    place text not null,
    -- Somebody came back with it. It stays until the access is kept, so that it can be ended until then.
    taken boolean not null,
    expires_at bigint not null
);

-- Access that a person granted to a channel.
create table grants (
    channel_id text primary key references channels (id),
    app_id text not null references oauth_apps (id),
    -- JSON of the tokens, sealed; null: it was ended here.
    tokens text,
    -- Counts the tokens of this row.
    generation bigint not null,
    granted_by text not null,
    granted_at bigint not null,
    renewed_at bigint not null,
    -- When the present token expires, where that is known.
    expires_at bigint,
    -- When it is renewed next; null: never, or not any more.
    renew_at bigint,
    failures bigint not null,
    -- Why it is not renewed, or what is known of its end.
    trouble text,
    -- Who renews it now, and until when nobody else does.
    lease text,
    lease_until bigint not null,
    -- A renewal began, and what the network gave is not known: there may be tokens that never arrived.
    lost boolean not null,
    -- Digest of what ends together at the network: the token, or the team that has one for all.
    shared text not null,
    ended_at bigint
);
create index grants_due on grants (renew_at) where renew_at is not null;
create index grants_shared on grants (shared) where tokens is not null;

-- Access that is to end at its network, or was replaced. Nothing is sent with it.
create table access_ends (
    -- The channel, a point, and a number.
    id text primary key,
    -- The channel that it was of, or was to be of.
    channel_id text not null,
    -- What people called the channel.
    name text not null,
    adapter text not null,
    -- The app that it was granted to; null: the credential was typed in.
    app_id text references oauth_apps (id),
    -- As in grants; null: nothing is left of it here.
    tokens text,
    shared text not null,
    -- It is to end. Otherwise another access took its place, and it ends with that one.
    wanted boolean not null,
    -- There may be tokens that never arrived.
    lost boolean not null,
    -- The renewal or the connection that was under way; null: none, or it is over.
    lease text,
    lease_until bigint not null,
    -- When the network is asked next; null: it is not.
    ask_at bigint,
    failures bigint not null,
    -- The network said that these tokens are good no more.
    told boolean not null,
    -- Why it is not known to have ended, and what to do.
    said text,
    made_at bigint not null,
    -- When all of it was known to have ended; null: it is not.
    gone_at bigint
);
create index access_ends_open on access_ends (channel_id) where gone_at is null;
create index access_ends_due on access_ends (ask_at) where ask_at is not null;
