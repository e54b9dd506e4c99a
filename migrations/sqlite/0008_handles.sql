-- What the network calls a post before anybody can see it: written down before the public step, on networks that have two.
alter table attempts add column handle text;
