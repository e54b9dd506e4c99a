-- What networks say of messages while the attempt that sends them is under way: it goes into the ledger of the delivery once
-- that has ended. who is a line of the ledger, fate is taken, arrived or failed, and word is the whole as JSON.
create table waiting_reports (
  delivery_id text not null references deliveries (id),
  who text not null,
  fate text not null,
  word text not null,
  at bigint not null,
  primary key (delivery_id, who, fate)
);
