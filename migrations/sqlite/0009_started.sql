-- 1: it is accepted by a network that only said that something has started, and nobody has seen the post yet.
alter table deliveries add column started integer not null default 0;
