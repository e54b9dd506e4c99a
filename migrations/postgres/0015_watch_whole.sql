-- Whether the last look at the account saw all that is there.
alter table watches add column whole boolean not null default false;
