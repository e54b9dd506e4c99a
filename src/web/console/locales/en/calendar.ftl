# The calendar.
calendar-view-month = Month
calendar-view-week = Week
calendar-view-list = List
calendar-day = Day
calendar-channel = Channel
calendar-all = all
calendar-label = Label
calendar-show = Show these posts
calendar-before = Earlier
calendar-today = Today
calendar-after = Later
calendar-is-today = today
calendar-zone = Days and times are in { $zone }.
calendar-none = No post is planned in these days. Write one, or import a month of them with “holdline posts import”.
calendar-none-narrow = No post of these days has this label and this channel.
calendar-more = The next posts
calendar-count = { $n ->
    [one] 1 post
   *[other] { $shown } posts
  }
calendar-held = { $n ->
    [one] 1 held
   *[other] { $shown } held
  }
calendar-others = { $n ->
    [one] 1 more
   *[other] { $shown } more
  }
calendar-held-by = Held by “{ $what }”
calendar-held-freeze = Held by the freeze of { $at }
calendar-held-why = Held: { $why }
calendar-goes = goes
calendar-move = Move…
look-draft = draft
look-submitted = waits for approval
look-planned = planned
look-held = held
look-trouble = needs somebody
look-out = out
