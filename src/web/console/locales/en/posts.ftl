# One post.
postpage = Post
postpage-waits = It waits for approval. Give this link to an approver:
postpage-approval-link = { $n ->
    [one] the exact text
   *[other] the exact texts of { $shown } posts
  }
postpage-texts = The exact texts
postpage-facts = About it
postpage-decisions = Decisions
postpage-decisions-see = see who decided what
postpage-edit = Edit this post
postpage-edit-words = Edit with the new words
postpage-move = Move this post…
postpage-submit = Submit this post for approval
postpage-revise = Change the words
postpage-words-of = It has the words of this change
postpage-words-kept = Not the newest words that were approved:
postpage-revisions = Its words were changed by
postpage-correct = Correct this post
postpage-deliveries = On each channel
postpage-deliveries-none = It goes to no channel.
postpage-channel = Channel
postpage-state = State
postpage-when = Since or at
postpage-attempts = Tries
postpage-pin = At the top
postpage-pinned = pinned
postpage-not-pinned = not pinned
postpage-pin-do = Pin it to the top
postpage-unpin-do = Let it go
postpage-pin-failed = { $name }: { $reason }
postpage-retract = Take it down
postpage-retract-hint = What many have read should be corrected, not only removed. A channel that cannot take a post down says so.
postpage-cancel = Cancel it
postpage-cancel-hint = What is out stays out. What waits never goes.
postpage-cancel-word = cancel
postpage-cancel-wrong = Type the word exactly as it stands there.
postpage-type = Type “{ $word }”
postpage-cancel-do = { $n ->
    [one] Cancel 1 delivery
   *[other] Cancel { $shown } deliveries
  }
move-title = Another time
move-now = Planned for
move-at = New time
move-voids = This post is approved. Another time voids the approval, and it waits for a new one.
move-voids-do = Move this post and void its approval
move-do = Move this post
move-when-needed = Give a time.
move-held = { $n ->
    [one] 1 delivery is held. It gets the new time, and its words stay approved.
   *[other] { $shown } deliveries are held. They get the new time, and their words stay approved.
  }
move-held-do = { $n ->
    [one] Move 1 held delivery
   *[other] Move { $shown } held deliveries
  }
postpage-due = Due
postpage-promises = Promises the next update for
postpage-valid-until = Not after
postpage-recurrence = Recurrence
postpage-labels = Labels
