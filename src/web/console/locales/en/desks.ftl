# The thaw review, the in-doubt desk and the log.
set-optional = (optional)
desk-previous = Previous page
desk-pages = Pages
desk-next = Next page
desk-first = First page
desk-type-word = Type { $word } to confirm
desk-type-wrong = Type { $word } here. Nothing was changed.

held-title = Thaw review
held-states = What waits
held-state-held = Held
held-state-failed = Failed
held-state-expired = Expired
held-means-held = Nothing here goes out by itself. Each post needs a decision: send it now, give it another time, edit it, or cancel it.
held-means-failed = These were refused for good or tried too often. Send them again once the cause is gone, or cancel them.
held-means-expired = The time after which these must not go out has passed. Edit them, or cancel them.
held-none-held = Nothing is held. When a freeze holds posts, they wait here and keep their place until somebody decides.
held-none-failed = Nothing has failed.
held-none-expired = Nothing has expired.
held-tick = Choose: { $text }
held-was-due = was due
held-by-freeze = held by a freeze
held-edit = Edit this post
held-cancel-ask = Cancel this post…
held-another-time = Another time
held-at = Date and time
held-spread = Minutes between two posts on one channel
held-spread-wrong = Give a number of minutes between 0 and 1440.
held-release = { $n ->
    [one] Send 1 post now
   *[other] Send { $shown } posts now
  }
held-reschedule = { $n ->
    [one] Move 1 post
   *[other] Move { $shown } posts
  }
held-cancel = { $n ->
    [one] Cancel 1 post
   *[other] Cancel { $shown } posts
  }
held-decide-ticked = Decide about the ticked posts
held-decide-page = { $n ->
    [one] Decide about the post on this page
   *[other] Decide about all { $shown } posts on this page
  }
held-decide-label = { $n ->
    [one] Decide about 1 post with this label
   *[other] Decide about all { $shown } posts with this label
  }
held-decide-title = { $n ->
    [one] One post: what happens to it?
   *[other] { $shown } posts: what happens to them?
  }
held-with-label = All held posts with the label “{ $label }”.
held-more = { $n ->
    [one] And 1 more.
   *[other] And { $shown } more.
  }
held-release-title = Send now
held-release-means = They go out at once, spread over time as you say here. While a freeze covers them, nothing is sent.
held-cancel-title = Cancel
held-cancel-means = What is cancelled never goes out. This cannot be undone; the posts stay readable in the log.
held-word = CANCEL
held-done = { $n ->
    [one] 1 post was changed.
   *[other] { $shown } posts were changed.
  }
held-done-release = { $n ->
    [one] 1 post goes out now.
   *[other] { $shown } posts go out from now on.
  }
held-done-reschedule = { $n ->
    [one] 1 post has a new time.
   *[other] { $shown } posts have new times.
  }
held-done-cancel = { $n ->
    [one] 1 post is cancelled.
   *[other] { $shown } posts are cancelled.
  }
held-left = { $n ->
    [one] 1 post was left as it is
   *[other] { $shown } posts were left as they are
  }
held-post = Post
held-channel = Channel
held-why = Why
held-back = Back to the review
held-labels = Labels

doubt-title = In doubt
doubt-one = A post in doubt
doubt-means = These were sent, and no full answer came. Holdline never sends again on a guess: it reads back, and where that is no proof, a person decides.
doubt-none = Nothing is in doubt. When a network breaks off in the middle of an answer, the post waits here until it is known whether it is out.
doubt-sent = What we sent
doubt-saw = What we saw
doubt-begun = Began
doubt-reads = Read back
doubt-reads-count = { $n ->
    [0] Not yet.
    [one] Once.
   *[other] { $shown } times.
  }
doubt-absent = { $n ->
    [0] The last time it was not clear.
    [one] The last time it was not there.
   *[other] The last { $shown } times it was not there.
  }
doubt-seen = Last answer
doubt-next = Next read
doubt-next-none = none: reading is no proof here, so a person decides
doubt-unreadable = this channel cannot be read back; a person decides
doubt-look = Look there
doubt-no-attempt = There was no attempt.
doubt-attempt = Attempt
doubt-to-post = The whole post
doubt-read-now = Read this post back now
doubt-decide = Decide
doubt-decide-do = Decide about this post
doubt-see = Show this post
doubt-decide-hint = Look on the channel itself before you decide. Your name and your note stand in the log.
doubt-note = What you saw, and where
doubt-url = Its address, if it is there
doubt-there = It is there
doubt-not-there = It is not there, do not try again
doubt-again = It is not there, try again
doubt-down = Nothing of it is there any more
doubt-withdrawn = Somebody wanted it taken down, so it is not tried again: write a new post instead.
doubt-again-hint = Trying again sends it once more. If it is there after all, people will read it twice.
doubt-words-one = Other words in doubt
doubt-words-decide-hint = Look at the post on the channel itself before you decide: which words does it have? Your name and your note stand in the log.
doubt-words-there = It has the new words
doubt-words-not-there = It does not have them, do not try again
doubt-words-again = It does not have them, try again
doubt-words-again-hint = Trying again writes the same words into the same post once more.
doubt-settled = This is settled; nothing is in doubt any more.
started-settle = Say whether it is there
started-one = A post that was only started
started-hint = Once somebody saw it, it keeps its promise. One that is not there has failed, and is not tried again by itself.
doubt-back = All in doubt

log-title = The log
log-proof = Proof
log-size = { $n ->
    [one] The log has 1 entry.
   *[other] The log has { $shown } entries.
  }
log-proof-hint = Every change is an entry in a tree of hashes whose root is signed. To verify it without trusting this service, export it and run “holdline audit verify”, with a key and a checkpoint that you kept elsewhere.
log-verify = { $n ->
    [one] Verify 1 entry
   *[other] Verify all { $shown } entries
  }
log-export = { $n ->
    [one] Export 1 entry
   *[other] Export all { $shown } entries
  }
log-verified = The log is whole
log-broken = The log does NOT verify
log-broken-hint = Keep this database and its backups as they are, and compare with an export that you kept. Entries and time:
log-entries = Entries
log-first = First entry
log-last = Last entry
log-root = Root
log-origin = Log
log-key = Key
log-kept = Kept checkpoint
log-kept-size = the log goes on from the one of { $size } entries
log-took = Took
log-what = Every entry was exported, read back and hashed; the tree leads to the root in the signed checkpoint; no entry is missing or stands twice. This service did it itself: who does not trust the service verifies an export.
log-checkpoint = Newest checkpoint, to copy
log-checkpoint-hint = Keep it where nobody of this service can change it. A log that was cut or rewritten later no longer fits it.
log-list = Entries
log-verb = Verb, or its beginning
log-subject = About
log-actor = By
log-anybody = Anybody
log-from = From
log-to = Until
log-filter = Show these entries
log-none = No entry fits. Widen the filter.
log-same = everything about it
log-origin-of = from
log-before = Before
log-after = After
log-older = Older entries
log-node = the service on { $name }
sweep-title = Scheduled inside the networks
sweep-hint = What people scheduled there does not wait for Holdline. It is written down, taken off the schedule, and looked for again while the freeze is in force: every minute, or at the time that stands beside it.
sweep-again = next read
sweep-waits = not looked at yet
sweep-problem = The schedule could not be read:
sweep-listed = { $n ->
    [0] Nothing is on the schedule.
    [one] 1 post was on the schedule.
   *[other] { $shown } posts were on the schedule.
  }
sweep-more = There are more; these are the first by their times.
swept-whole = Scheduled inside a network
swept-snapshot = Everything that was kept of it
swept-title = Held inside the networks
swept-means = Somebody scheduled these in the network itself. Each needs a decision: back on its schedule for a new time, or never. Nothing goes back by itself.
swept-until = Held there until
swept-none = Nothing is held inside a network.
swept-under-way = Under way
swept-also = { $n ->
    [one] 1 post is held inside a network
   *[other] { $shown } posts are held inside networks
  }
swept-done = { $n ->
    [one] 1 post was decided about. It is carried out now.
   *[other] { $shown } posts were decided about. It is carried out now.
  }
swept-restore = Put the ticked posts back for this time
swept-drop-ask = The ticked posts never go out…
swept-drop-means = Where the network knows drafts, they stay a draft there. Otherwise they are deleted; their words stay in the list of the freeze.
swept-word = DROP
swept-drop = Drop the ticked posts
swept-found = found, not touched yet
swept-holding = being held
swept-held = held
swept-gone-out = went out, or is gone
swept-could-not = not held
swept-left = left alone
swept-restoring = being put back
swept-restored = back on the schedule
swept-dropping = being dropped
swept-dropped = dropped
