# The words of the console. Every key is in both languages; a test compares them with the templates.
skip = Go to the content
nav = Screens
nav-now = Now
nav-calendar = Calendar
nav-compose = Write
nav-approvals = Approvals
nav-incidents = Incidents
nav-held = Held posts
nav-doubts = In doubt
nav-audit = Log
nav-settings = Settings
sign-in = Sign in
sign-out = Sign out
sign-in-wrong = The address, the password or the code is not right.
sign-in-slow = Too many attempts have failed. Wait 15 minutes and try again.
sign-in-invited = New here? Open the link of your invitation. Whoever uses the command line gets one with “holdline console”.
email = E-mail address
password = Password
new-password = New password
password-hint = At least 12 characters. Several words are good.
code = Code
code-hint = Six digits from your authenticator, or one of your recovery codes.
code-now = The code that it shows now
code-wrong = This code is not right. Wait for the next one.
name = Name
set-up = Set up Holdline
set-up-hint = You become the first administrator. The one-time token is on the terminal of the service and in the file setup.token of its data folder.
set-up-token = One-time token
set-up-do = Set up Holdline and sign in
set-up-refused = The token is not right or was used. The service makes a new one when it starts and nobody is there yet.
join = Join
join-hello = Welcome, { $name }. Choose a password and connect your authenticator.
join-refused = This invitation is not known, was used or has expired. Ask an administrator for a new one.
join-do = Join and sign in
invitation = Invitation
second-factor = Second factor
second-factor-hint = Scan this picture with an authenticator app.
qr-alt = QR code for the authenticator; the secret stands below it as text
secret-by-hand = Or type this secret:
codes = Recovery codes
codes-hint = Each works once in place of the authenticator’s code. Print them or put them into a safe: they are shown only now.
codes-kept = I have kept them
codes-renew = Make new recovery codes
codes-renew-hint = The old codes stop working at once.
prove = Confirm that it is you
prove-hint = You showed your second factor more than 15 minutes ago. Approvals need a fresh one.
prove-do = Confirm that it is me
resend = Please send it again
resend-hint = Nothing was changed and nothing is lost. You were signed out, or signed in anew, after this form was opened.
resend-sign-in = Sign in (opens beside this)
resend-what = What you typed
resend-do = Send this form again
to-now = To the first screen
problem-not-found = There is nothing here
problem-forbidden = Not allowed
problem-conflict = Not possible now
problem-invalid = That cannot be read
problem-ours = Something went wrong on our side
trouble = This needs a change:
stale-since = Live updates have stopped; this page shows the state of
stale-hint = It tries to connect again by itself. Reload the page to be sure.
standing-normal = Normal
standing-frozen = Frozen
standing-incident = Incident
standing-incident-frozen = Incident, frozen
standing-stopped = Nothing is sent
standing-thaw = Thaw review
since = since
strip-sealed = freeze sealed
strip-not-sealed = freeze NOT sealed
strip-held = { $n ->
    [one] 1 post held
   *[other] { $shown } posts held
  }
strip-closed = { $n ->
    [one] 1 node sends nothing
   *[other] { $shown } nodes send nothing
  }
strip-in-doubt = { $n ->
    [one] 1 in doubt
   *[other] { $shown } in doubt
  }
in-seconds = in { $n } s
in-minutes = in { $n } min
in-hours = in { $n } h
in-days = { $n ->
    [one] in 1 day
   *[other] in { $n } days
  }
seconds-ago = { $n } s ago
minutes-ago = { $n } min ago
hours-ago = { $n } h ago
days-ago = { $n ->
    [one] 1 day ago
   *[other] { $n } days ago
  }
later = { $ms } ms later
all = Show all
back = Back
by = By
reason = Reason
scope = Scope
brands = Brands
channels = Channels
own = My account
preferences = Preferences
preferences-save = Save my preferences
language = Language
theme = Theme
theme-auto = As the device
theme-light = Light
theme-dark = Dark
zone = Time zone
sessions = Where I am signed in
this-session = this session
session-since = since
end-session = End the session from { $origin }
kind-routine = routine
kind-update = update
kind-tip = tip
kind-notice = notice
kind-correction = correction
post-draft = draft
post-submitted = waits for approval
post-approved = approved
post-cancelled = cancelled
state-draft = draft
state-scheduled = scheduled
state-claimed = next in line
state-sending = being sent
state-accepted = accepted
state-started-only = started, not confirmed
state-in-doubt = in doubt
state-failed = failed
state-held = held
state-expired = expired
state-cancelled = cancelled
state-retracted = taken down
severity-minor = minor
severity-major = major
severity-critical = critical
role-operator = operator
role-approver = approver
role-administrator = administrator
role-auditor = auditor
role-integrator = integrator
role-postmaster = mail server
right-read = read
right-audit = read the log
right-write = write
right-freeze = freeze
right-quarantine = freeze texts of a crisis too
right-test = test channels
right-decide = decide
right-approve = approve
right-administer = administer
right-report = report
signals = Needs somebody
signals-none = Nothing needs you at the moment. Signals from monitoring, late updates, doubts, failures and channels that are not ready appear here.
signal-overdue = The promised update of “{ $title }” is late
signal-closed = Node “{ $name }” sends nothing: { $why }
signal-not-sealed = A freeze is not sealed: a node does not answer
signal-in-doubt = { $n ->
    [one] 1 post is in doubt: find out whether it is out
   *[other] { $shown } posts are in doubt: find out whether they are out
  }
signal-failed = { $n ->
    [one] 1 delivery has failed
   *[other] { $shown } deliveries have failed
  }
signal-reviews = { $n ->
    [one] 1 post went out on one person’s word; a review is owed
   *[other] { $shown } posts went out on one person’s word; reviews are owed
  }
signal-unready = { $name } is not ready
signal-times = { $n ->
    [one] said once
   *[other] said { $shown } times
  }
signal-see = see it there
signal-note = Why nothing has to be done
signal-dismiss = Dismiss this signal
signal-more = { $n ->
    [one] 1 more signal waits. It appears here when others are decided.
   *[other] { $shown } more signals wait. They appear here when others are decided.
  }
signal-all = All signals
signal-list = Signals from monitoring
signal-list-hint = What waits comes first, the worst before the others; then the rest, the newest first. An incident can be opened from a signal that waits, and from one that was over before anybody decided.
signal-list-none = No monitoring system has said anything yet.
signal-state-waiting = waits
signal-state-ended = over, nobody had decided
signal-state-dismissed = dismissed
signal-state-opened = belongs to an incident
signal-join = Or is it an incident that is open already?
signal-join-hint = The signal belongs to that incident from then on. When it is worse than the incident, the incident is as bad from then on, and its posts can need more approvals.
signal-join-do = Join it to “{ $title }”
signal-gone = This signal does not wait any more. What you typed is still here, to copy.
signal-full-source = { $source }, said by { $name }, has used up its share: new signals of it are not kept until some are decided. A rule that says less leaves it room.
signal-sender-disabled = { $name } (disabled)
signal-sender-gone = somebody who is deleted
signal-full-sender = { $name } has used up the share of one sender: new signals are not kept until some are decided. With tokens of different people each monitoring system has a share of its own.
signal-by = said by { $name }
signal-full = { $n ->
    [one] { $shown } signal waits for a decision: no room for more. Only senders of few signals still find a place until it is decided.
   *[other] { $shown } signals wait for a decision: no room for more. Only senders of few signals still find a place until some are decided.
  }
signal-over = over since
signal-unseen = nobody had decided
signal-over-more = { $n ->
    [one] 1 more was over within the last 24 hours before anybody decided.
   *[other] { $shown } more were over within the last 24 hours before anybody decided.
  }
signals-wait = Was it one of these?
signals-wait-hint = Monitoring has said this, and it waits for a decision. An incident that you open from it takes this freeze.
signal-from = Signal from { $source }
signal-decided = Somebody has decided about this signal already.
approvals-waiting = Waits for approval
approvals-none = Nothing waits for approval.
next-day = The next 24 hours
next-day-count = { $n ->
    [0] Nothing is due.
    [one] 1 delivery is due.
   *[other] { $shown } deliveries are due.
  }
next-day-none = No post is planned. Write one, or import a month of them with “holdline posts import”.
bars-title = Deliveries in each of the next 24 hours; held ones are hatched
channels-ready = Channels
channels-none = No channel is connected. An administrator connects them under Settings.
incident-open-start = Something happened
incident-open = Open an incident
to-incident = To the incident
freeze = Freeze
freeze-title = Stop everything that is scheduled?
freeze-covered = will be held
freeze-next-day = of them due within 24 hours
freeze-under-way = being sent at this moment
freeze-goes-on = go on (crisis posts and what you allow)
freeze-what = Held posts keep their place and go out only when somebody decides so. What is being sent at this moment cannot be called back; you will see each with its outcome.
freeze-do = { $n ->
    [0] Freeze (nothing is queued)
    [one] Hold 1 post
   *[other] Hold { $shown } posts
  }
freeze-reason = Reason (optional)
freeze-mended = The reason was too long or had hidden characters: it was cut or cleaned, and the freeze was made.
freeze-narrow = Hold less than everything
freeze-labels = Only posts with one of these labels, separated by commas
freeze-allow = What must go on, by label (legal notices), separated by commas
freeze-crisis-too = Hold crisis posts too: for an account that was taken over
count-again = Count the posts again
frozen-title = The freeze
committed-means = From here on nothing new gets permission to go out.
sealed-means = From here on nothing can start any more: every node has closed its gate.
not-sealed = NOT SEALED YET
thawed = Lifted
held-until-now = Held until now
in-flight = Was under way
in-flight-none = Nothing was under way when the gates closed.
in-flight-hint = These had begun when the gates closed. Each is shown as it settles.
see-it = see it
retract-ask = Take it down from { $name }…
retract-why = Why it is taken down
retract-why-needed = Say why; the log keeps it.
retract-word = TAKE DOWN
retract-do = Take it down from { $name }
retract-ask-part = Take down what is out on { $name }…
retract-do-part = Take down what is out on { $name }
retract-goes-on = A part of it is out on { $name }, and the rest follows by itself. Cancel the post, or freeze, and take down then what is out.
retract-ask-all = Take it down from all channels…
retract-do-all = Take it down from all channels
retract-still-live-on = Still live on { $name }: { $reason }
retract-still-live = Still live: { $reason }
retract-by-hand = I took it down by hand
retract-by-hand-hint = Where the network cannot take it down, do it there yourself, look that nothing is left, and say so: the log keeps your word, and the post counts as taken down.
retract-not-here = This page has no such delivery any more.
thaw = Lift the freeze
thaw-means = Lifting sends nothing itself. What was held until now waits in the review, and each of these posts needs a decision. What is due later goes out at its time again.
thaw-note = Why it can be lifted
thaw-do = { $n ->
    [0] Lift the freeze (nothing was held until now)
    [one] Lift the freeze and review 1 held post
   *[other] Lift the freeze and review { $shown } held posts
  }
scope-everything = all routine posts
scope-brands = brands: { $list }
scope-channels = channels: { $list }
scope-labels = labels: { $list }
scope-allow = goes on: { $list }
scope-crisis-too = crisis posts too
