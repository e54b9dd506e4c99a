incidents-none = No incident so far. May it stay so; when something happens, begin here.
incident-is-open = open
incident-is-resolved = resolved
opened = opened
what-happened = What happened?
what-happened-hint = One click opens the incident and brings its first words, for you to complete.
open-freezes = Opening an incident freezes everything that is scheduled, at once.
open-freezes-part = Only a part is frozen now ({ $scope }). Opening an incident freezes everything else too, at once.
open-own = Something else, or another title
open-no-freeze = Do not freeze
open-without-plan = Open the incident without a plan
open-with-plan = Open the incident with the plan: { $title }
open-plans = Or with one of these plans
incident-title = Title
incident-title-hint = For your team; the public does not see it.
severity = Severity
severity-of-plan = As the plan says; without a plan: { $severity }
severity-of-signal = The worse of the two: signal ({ $severity }) or plan
severity-chosen-hint = A severity that you choose here counts instead of the one on the buttons.
open-adopts = The freeze of { $time } becomes this incident’s; nothing more is frozen.
open-adopts-part = This freeze covers only a part ({ $scope }) and becomes this incident’s. Everything else that is scheduled is frozen too, at once.
open-adopts-both = This freeze covers only a part ({ $scope }) and becomes this incident’s, and so does the freeze of everything of { $time }; nothing more is frozen.
open-allowed = Posts with these labels go on, as this freeze allows: { $list }.
open-allowed-not = Freeze these too
open-leave = Leave that freeze alone; this incident has none of its own
open-only-part = Leave it at this part ({ $scope }); do not freeze everything
open-adopts-see = See what it covers
first-words-in = { $n ->
    [one] first words within a minute
   *[other] first words within { $n } minutes
  }
freeze-lifted = freeze lifted
public-page = Public page
clock-open = open since
clock-last = last word
clock-first = first words due
clock-next = next promised word
late = late
write-update = Write an update
write-notice = Write to the customers
write-tip = Advice: { $title }
write-a-tip = Write advice
matrix = Where each text stands
matrix-none-closed = No text was written for this incident.
matrix-none = No text yet. Write the first words: what happened, what you do, what people should do.
matrix-as-table = The same as a table
matrix-texts = { $n ->
    [one] 1 text
   *[other] { $shown } texts
  }
matrix-channels = { $n ->
    [one] 1 channel
   *[other] { $shown } channels
  }
matrix-summary = { $texts } on { $channels }: { $states }
matrix-cell = { $text }, { $channel }: { $state }
text = Text
act = Actions
correct-it = Correct it
timeline = What happened when
timeline-picture = The incident on a line of time: holds below it, what went out on it, what went wrong above it, and a ring for the promised next word
plan = Plan: { $title }
note = Note
note-text = For the team; it stands in the log
note-do = Add 1 note
promise = The next word
promise-at = Promised for ({ $zone })
promise-do = Promise this time
resolve = Resolve the incident
resolve-hint = Updates and tips that are not out yet are held or become drafts again. The freeze stays until it is lifted.
resolve-comment = How it ended
resolve-word = resolve
resolve-do = Resolve the incident
type-word = Type “{ $word }” to confirm
word-wrong = This is not the word that was asked for.
what-opened = Incident opened
what-joined = Signal joined
what-raised = Severity raised
what-committed = Freeze COMMITTED
what-sealed = Freeze SEALED
what-written = Written
what-approved = Approved
what-rejected = Sent back
what-glass-broken = Published on one person’s word
what-accepted = Out
what-in-doubt = In doubt
what-failed = Failed
what-note = Note
what-step-done = Step done
what-thawed = Freeze lifted
what-resolved = Incident resolved
approval = Read and decide
approvals-none-long = Nothing waits for approval. Whatever somebody submits appears here, with the exact words for each channel.
read-it = Read it
lapsed = approval lapsed
due = due
labels = Labels
promises = Promises the next word
valid-until = Not after
recurrence = Repeats
needed = Approvals needed
needed-count = { $n ->
    [one] 1 person other than its authors
   *[other] { $n } people other than its authors
  }
against-out = What changes in the words that are out
against-last = What is different from the last approved text
against-playbook = What is different from the plan’s first words
void = void
decision-approve = approved
decision-reject = sent back
decision-break-glass = glass broken
own-text = You wrote on this text, so another person approves it.
approval-unready = A channel is not ready by now: see below. Nothing was approved. Approve again if the post is to go out all the same.
misfit = A channel takes less than when this was written, so it cannot be approved as it is. Send it back to be changed.
misfit-lapsed = A channel takes less than when this was written, so it cannot be approved again. Cancel what is held for that channel.
approve-do = { $n ->
    [one] Approve 1 text for its time
   *[other] Approve { $n } texts for their time
  }
approve-now-do = { $n ->
    [one] Approve 1 text and publish now
   *[other] Approve { $n } texts and publish now
  }
comment = Comment (needed to send it back)
reject-do = { $n ->
    [one] Send 1 text back
   *[other] Send { $n } texts back
  }
glass-do = { $n ->
    [one] Break the glass: publish 1 text on my word alone
   *[other] Break the glass: publish { $n } texts on my word alone
  }
glass-hint = For an emergency when nobody else can be reached. It is loud in the log, and somebody else must review it.
reviews-owed = Reviews owed
reviews-owed-hint = These went out on one person’s word. Neither that person nor the author reviews them.
glass-broken-at = Published
review-comment = What you think of it
review-do = Review 1 text
sent-told = Submitted. Approvers are told by mail; this is the link to the exact words:
sent-waits = Submitted. Give this link to the exact words to an approver:
approve-more-do = { $n ->
    [one] Approve 1 text; another person must too
   *[other] Approve { $n } texts; another person must too
  }
approve-held-do = { $n ->
    [one] Approve 1 text; it waits in Held posts
   *[other] Approve { $n } texts; they wait in Held posts
  }
