-- When a schedule is read again that takes few requests; null: at the next look.
alter table sweeps add column again_at bigint;
