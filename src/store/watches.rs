//! The accounts that are looked at, and the posts that were seen on them.

use sqlx::{AssertSqlSafe, FromRow};

use super::{Result, Store, Tx, dialect, listed, on, read};
use crate::clock::Millis;

/// A row of `watches`.
#[derive(Debug, Clone, FromRow)]
pub struct Watch {
    pub channel_id: String,
    /// Empty until a look has succeeded.
    pub account: String,
    pub shown: String,
    pub since: Millis,
    pub looked_at: Option<Millis>,
    /// When a look was tried last.
    pub tried_at: Option<Millis>,
    pub trouble: Option<String>,
    pub troubled_at: Option<Millis>,
    /// The last look saw all that is there.
    pub whole: bool,
}

/// A row of `seen_posts`.
#[derive(Debug, Clone, FromRow)]
pub struct SeenPost {
    pub account: String,
    pub remote_id: String,
    pub channel_id: String,
    pub state: String,
    pub seen_at: Millis,
    pub posted_at: Option<Millis>,
    pub url: Option<String>,
    pub words: String,
    pub signal_id: Option<String>,
}

/// The receipt of a delivery.
#[derive(Debug, Clone, FromRow)]
pub struct Received {
    pub remote_id: String,
    /// The account of its channel; nothing: nobody has looked at that yet.
    pub account: Option<String>,
    /// Those of its channel.
    pub settings: String,
}

/// A post that was put back on a schedule after a freeze.
#[derive(Debug, Clone, FromRow)]
pub struct Restored {
    /// For when.
    pub restore_at: Millis,
    /// The post as it was found.
    pub snapshot: String,
    /// The account of its channel; nothing: nobody has looked at that yet.
    pub account: Option<String>,
    /// Those of its channel.
    pub settings: String,
}

/// What may have made a post whose id nobody knows.
#[derive(Debug, Clone, FromRow)]
pub struct Candidate {
    /// The account of its channel; nothing: nobody has looked at that yet.
    pub account: Option<String>,
    /// Those of its channel.
    pub settings: String,
    /// The frozen bytes.
    pub body: String,
    /// The attempt has no outcome yet.
    pub under_way: bool,
}

impl Store {
    pub async fn watches(&self) -> Result<Vec<Watch>> {
        const SQL: &str = "select * from watches order by channel_id";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

    pub async fn watch(&self, channel: &str) -> Result<Option<Watch>> {
        const SQL: &str = "select * from watches where channel_id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(channel).fetch_optional(c).await?))
    }

    /// The newest of an account that are nobody's here, or of which nobody knows.
    pub async fn foreign_posts_of(&self, account: &str, limit: i64) -> Result<Vec<SeenPost>> {
        const SQL: &str =
            "select * from seen_posts where state in ('open', 'foreign', 'unsure') and account = $1
            order by seen_at desc, remote_id limit $2";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(account).bind(limit).fetch_all(c).await?))
    }

    /// The newest that are nobody's here, or of which nobody knows.
    pub async fn foreign_posts(&self, limit: i64) -> Result<Vec<SeenPost>> {
        const SQL: &str = "select * from seen_posts where state in ('open', 'foreign', 'unsure')
            order by seen_at desc, remote_id limit $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(limit).fetch_all(c).await?))
    }
}

impl Tx {
    /// Whether the channel is at that version. Nobody changes it until this change ends.
    pub async fn is_at(&mut self, channel: &str, version: i64) -> Result<bool> {
        const SQL: &str = "select version from channels where id = $1";
        let sql = format!("{SQL}{}", dialect::FOR_CHANGE[self.dialect()]);
        let is: Option<i64> =
            on!(self, |c| sqlx::query_scalar(AssertSqlSafe(sql)).bind(channel).fetch_optional(c).await?);
        Ok(is == Some(version))
    }

    /// The watch of a channel. Nobody else changes it until this change ends.
    pub async fn watch_for_update(&mut self, channel: &str) -> Result<Option<Watch>> {
        const SQL: &str = "select * from watches where channel_id = $1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(channel).fetch_optional(c).await?))
    }

    /// Whether the account was looked at, by any channel.
    pub async fn is_watched(&mut self, account: &str) -> Result<bool> {
        const SQL: &str = "select exists (select 1 from seen_posts where account = $1)
              or exists (select 1 from watches where account = $1 and looked_at is not null)";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(account).fetch_one(c).await?))
    }

    /// The channel is not looked at for a while: what comes meanwhile is nobody's alarm.
    pub async fn forget_look(&mut self, channel: &str) -> Result<()> {
        const SQL: &str =
            "update watches set looked_at = null, tried_at = null, trouble = null, troubled_at = null
            where channel_id = $1";
        on!(self, |c| sqlx::query(SQL).bind(channel).execute(c).await.map(drop)?);
        Ok(())
    }

    pub async fn delete_watch(&mut self, channel: &str) -> Result<()> {
        const SQL: &str = "delete from watches where channel_id = $1";
        on!(self, |c| sqlx::query(SQL).bind(channel).execute(c).await.map(drop)?);
        Ok(())
    }

    pub async fn put_watch(&mut self, w: &Watch) -> Result<()> {
        const SQL: &str =
            "insert into watches (channel_id, account, shown, since, looked_at, tried_at, trouble, troubled_at, whole)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            on conflict (channel_id) do update set account = excluded.account, shown = excluded.shown,
              since = excluded.since, looked_at = excluded.looked_at, tried_at = excluded.tried_at,
              trouble = excluded.trouble,
              troubled_at = excluded.troubled_at, whole = excluded.whole";
        on!(self, |c| sqlx::query(SQL)
            .bind(&w.channel_id)
            .bind(&w.account)
            .bind(&w.shown)
            .bind(w.since)
            .bind(w.looked_at)
            .bind(w.tried_at)
            .bind(&w.trouble)
            .bind(w.troubled_at)
            .bind(w.whole)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Those of an account that were seen before: of these ids, and all that are open.
    pub async fn seen_posts(&mut self, account: &str, ids: &[&str]) -> Result<Vec<SeenPost>> {
        const SQL: &str = "select * from seen_posts where (remote_id in ({ids}) or state = 'open')
              and account = {account}";
        let n = dialect::padded(ids.len());
        let sql = SQL.replace("{ids}", &dialect::list(1, n)).replace("{account}", &format!("${}", n + 1));
        Ok(on!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), ids).bind(account).fetch_all(c).await?))
    }

    /// Gives the posts that were seen by another number of an account to that account, each once. Number and post are
    /// parted by a colon in the id. Of one that both have seen stays what says more: a first look calls all known.
    pub async fn move_seen_posts(&mut self, from: &str, to: &str) -> Result<()> {
        const SAYS_MORE: &str =
            "update seen_posts as n set state = o.state, signal_id = coalesce(o.signal_id, n.signal_id)
            from seen_posts o where o.account = $1 and n.account = $2
              and substr(o.remote_id, 1, length($3)) = $3
              and n.remote_id = $4 || substr(o.remote_id, length($3) + 1)
              and (n.state = 'known' or o.state = 'ours'
                or (o.state = 'foreign' and n.state in ('open', 'unsure'))
                or (o.state = 'open' and n.state = 'unsure'))";
        const MOVE: &str =
            "update seen_posts set account = $2, remote_id = $4 || substr(remote_id, length($3) + 1)
            where account = $1 and substr(remote_id, 1, length($3)) = $3 and not exists
              (select 1 from seen_posts b where b.account = $2
                and b.remote_id = $4 || substr(seen_posts.remote_id, length($3) + 1))";
        // Those whose ids do not begin with the number.
        const AS_THEY_ARE: &str = "update seen_posts set account = $2
            where account = $1 and substr(remote_id, 1, length($3)) <> $3 and not exists
              (select 1 from seen_posts b where b.account = $2 and b.remote_id = seen_posts.remote_id)";
        const REST: &str = "delete from seen_posts where account = $1";
        let number = |account: &str| format!("{}:", account.rsplit(' ').next().unwrap_or_default());
        let (old, new) = (number(from), number(to));
        for sql in [SAYS_MORE, MOVE] {
            on!(self, |c| sqlx::query(sql)
                .bind(from)
                .bind(to)
                .bind(&old)
                .bind(&new)
                .execute(c)
                .await
                .map(drop)?);
        }
        on!(self, |c| sqlx::query(AS_THEY_ARE).bind(from).bind(to).bind(&old).execute(c).await.map(drop)?);
        on!(self, |c| sqlx::query(REST).bind(from).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Writes down a post that was seen, or what is known of it by now.
    pub async fn put_seen_post(&mut self, p: &SeenPost) -> Result<()> {
        const SQL: &str = "insert into seen_posts
              (account, remote_id, channel_id, state, seen_at, posted_at, url, words, signal_id)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            on conflict (account, remote_id) do update set state = excluded.state,
              signal_id = excluded.signal_id";
        on!(self, |c| sqlx::query(SQL)
            .bind(&p.account)
            .bind(&p.remote_id)
            .bind(&p.channel_id)
            .bind(&p.state)
            .bind(p.seen_at)
            .bind(p.posted_at)
            .bind(&p.url)
            .bind(&p.words)
            .bind(&p.signal_id)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Those that an alarm is about, the newest first, and how many these are.
    pub async fn posts_of_signal(&mut self, signal: &str, limit: i64) -> Result<(Vec<SeenPost>, i64)> {
        const SQL: &str =
            "select * from seen_posts where signal_id = $1 order by seen_at desc, remote_id limit $2";
        const COUNT: &str = "select count(*) from seen_posts where signal_id = $1";
        let posts = on!(self, |c| sqlx::query_as(SQL).bind(signal).bind(limit).fetch_all(c).await?);
        Ok((posts, on!(self, |c| sqlx::query_scalar(COUNT).bind(signal).fetch_one(c).await?)))
    }

    /// Those of deliveries that name one of these ids.
    pub async fn receipts(&mut self, adapter: &str, ids: &[&str]) -> Result<Vec<Received>> {
        const SQL: &str = "select d.remote_id, w.account, c.settings from deliveries d
              join channels c on c.id = d.channel_id left join watches w on w.channel_id = c.id
            where d.remote_id in ({ids}) and c.adapter = {adapter}";
        let n = dialect::padded(ids.len());
        let sql = SQL.replace("{ids}", &dialect::list(1, n)).replace("{adapter}", &format!("${}", n + 1));
        Ok(on!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), ids).bind(adapter).fetch_all(c).await?))
    }

    /// What is written down of posts that are out, or about to be, on channels of an adapter, since then: the parts of
    /// threads, parted by blanks.
    pub async fn parts_out(&mut self, adapter: &str, since: Millis) -> Result<Vec<Received>> {
        const SQL: &str = "select a.handle as remote_id, w.account, c.settings from attempts a
              join deliveries d on d.id = a.delivery_id join channels c on c.id = d.channel_id
              left join watches w on w.channel_id = c.id
            where a.handle is not null and a.permitted_at >= $2 and c.adapter = $1";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(adapter).bind(since).fetch_all(c).await?))
    }

    /// What was put back on the schedules of networks of an adapter to go out in that time, in the order of it.
    pub async fn restored(&mut self, adapter: &str, from: Millis, to: Millis) -> Result<Vec<Restored>> {
        const SQL: &str = "select s.restore_at, s.snapshot, w.account, c.settings from swept s
              join channels c on c.id = s.channel_id left join watches w on w.channel_id = c.id
            where s.state = 'restored' and s.restore_at >= $2 and s.restore_at <= $3 and c.adapter = $1
            order by s.restore_at, s.id";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(adapter).bind(from).bind(to).fetch_all(c).await?))
    }

    /// The posts of an account that are known to be ours, since then.
    pub async fn seen_ours(&mut self, account: &str, since: Millis) -> Result<Vec<SeenPost>> {
        const SQL: &str = "select * from seen_posts where account = $1 and state = 'ours'
              and coalesce(posted_at, seen_at) >= $2 order by coalesce(posted_at, seen_at), remote_id";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(account).bind(since).fetch_all(c).await?))
    }

    /// What people had planned inside networks of an adapter, and was put back there after a freeze to go out since then.
    pub async fn put_back(&mut self, adapter: &str, since: Millis) -> Result<Vec<Received>> {
        const SQL: &str = "select s.new_id as remote_id, w.account, c.settings from swept s
              join channels c on c.id = s.channel_id left join watches w on w.channel_id = c.id
            where s.state = 'restored' and s.new_id is not null and s.restore_at >= $2 and c.adapter = $1";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(adapter).bind(since).fetch_all(c).await?))
    }

    /// What may have made a post of an adapter's channels whose id nobody knows: what is under way or in
    /// doubt, and what was permitted since then and is called published without an id. What changes the words of a
    /// post makes none.
    pub async fn candidates(&mut self, adapter: &str, since: Millis) -> Result<Vec<Candidate>> {
        // Apart, so that each looks into the index of its own state.
        const SQL: &str = "select w.account, c.settings, a.body, true as under_way from attempts a
              join deliveries d on d.id = a.delivery_id join channels c on c.id = d.channel_id
              join posts p on p.id = d.post_id and p.revises is null
              left join watches w on w.channel_id = c.id
            where a.outcome is null and c.adapter = $1
            union all select w.account, c.settings, a.body, false from deliveries d
              join attempts a on a.delivery_id = d.id join channels c on c.id = d.channel_id
              join posts p on p.id = d.post_id and p.revises is null
              left join watches w on w.channel_id = c.id
            where d.state = 'in_doubt' and a.outcome = 'in_doubt' and c.adapter = $1
            union all select w.account, c.settings, a.body, false from attempts a
              join deliveries d on d.id = a.delivery_id join channels c on c.id = d.channel_id
              join posts p on p.id = d.post_id and p.revises is null
              left join watches w on w.channel_id = c.id
            where a.outcome = 'accepted' and a.remote_id is null and a.permitted_at >= $2 and c.adapter = $1";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(adapter).bind(since).fetch_all(c).await?))
    }
}
