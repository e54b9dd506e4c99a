-- What the network calls that account for ever, where it says so: two can have one name.
alter table channels add column other_account_id text;
