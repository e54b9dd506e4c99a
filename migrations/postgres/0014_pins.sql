-- Posts that are kept at the top of their account, page or room.
create table pins (
  delivery_id text primary key references deliveries (id),
  pinned_at bigint not null
);
