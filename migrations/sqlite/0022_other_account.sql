-- The account that a check saw in the place of the channel's own; null: none. Nothing is sent until it is gone.
alter table channels add column other_account text;
