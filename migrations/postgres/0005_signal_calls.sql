-- The call that said it last was refused for others of it: who sends that call again says nothing new.
alter table signals add column refused boolean not null default false;
