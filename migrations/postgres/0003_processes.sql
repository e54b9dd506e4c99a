-- How many attempts a node has marked as begun on its own disk: an older copy of these marks has fewer.
alter table nodes add column begun bigint not null default 0;

-- Which process took a key, by its incarnation as in the list of nodes.
alter table idempotency drop column started_at;
alter table idempotency add column incarnation text not null default '';

-- Which process made an attempt.
alter table attempts add column incarnation text not null default '';
