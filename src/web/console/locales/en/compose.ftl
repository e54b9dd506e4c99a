# Writing a post.
compose = Write
compose-edit = Edit
compose-kind = Kind
compose-incident = Incident
compose-no-incident = none
compose-corrects = This corrects
compose-revises = This changes the words of
compose-revises-hint = The new words need approval like any others. They take the place of the old ones where the network can change a post; the post keeps its address.
compose-revises-channels = If none is ticked, the words change wherever they can.
compose-kept = Where the words stay as they are
compose-see-post = See the post
compose-tips = Advice from the plan
compose-voids = This post is approved. Saving it voids the approval, and it waits for a new one.
compose-stale = Somebody else changed this post in the meantime. Look at it first: if you save now, your words replace theirs.
compose-language-en = English
compose-language-fr = French
compose-languages-hint = Each language that has words becomes a post of its own. Leave one empty if you do not need it.
compose-title = Title
compose-text = Text
compose-parts-hint = A line with nothing but --- parts a long text. Networks that take short posts show its parts as a thread where the whole does not fit; all others show one text.
part-number = part { $shown }
part-next = Part { $shown }, as an answer to the one before:
compose-own = Another text for one channel
compose-has-own = own text
compose-own-hint = An empty field takes the text above.
compose-brand = Brand
compose-drill = drill
compose-channels-hint = If none is ticked, it goes to every channel of the brand that fits.
compose-due = When (empty: as soon as approved)
compose-due-hint = Times are in { $zone }. The next update is promised from the moment when this one goes out.
compose-promise = Next update promised
compose-promise-none = no promise
compose-promise-at = at a time
compose-promise-time = At this time
compose-tomorrow = in 24 hours
compose-hours = { $n ->
    [one] in 1 hour
   *[other] in { $shown } hours
  }
compose-minutes = { $n ->
    [one] in 1 minute
   *[other] in { $shown } minutes
  }
compose-more = Labels, expiry, recurrence
compose-labels = Labels, separated by commas
compose-expiry = Not after
compose-recurrence = Recurrence (routine posts)
compose-recurrence-hint = Five fields as in cron: “0 9 * * 1-5” is nine o’clock from Monday to Friday.
compose-pictures = Pictures
compose-choose = Choose pictures (PNG, JPEG, GIF or WebP, 5 MiB each, four at a time)
compose-upload = Add the chosen pictures
compose-pictures-hint = After adding them, say what each one shows.
compose-alt = What it shows
compose-drop = Take it out
compose-submit = Submit for approval
compose-save = Save the draft
compose-look = Preview each channel
compose-preview = What each channel receives
compose-fits = Fits everywhere
compose-to-mend = { $n ->
    [one] 1 thing to mend
   *[other] { $shown } things to mend
  }
compose-nothing-yet = Nothing is written yet.
compose-blanks = Still to be filled in: { $list }
compose-link = Link: { $link }
compose-numbers-same = The numbers are the same in both languages.
compose-numbers-differ = Only in one language: { $list }
compose-alt-missing = { $n ->
    [one] 1 picture has no words for those who cannot see it
   *[other] { $shown } pictures have no words for those who cannot see them
  }
compose-promise-there = It says when the next update comes.
compose-promise-missing = An update must say when the next one comes, as long as the incident is open.
compose-left-out = Not on: { $names }
compose-unit-characters = characters
compose-unit-graphemes = characters
compose-unit-mastodon = characters (a link is 23)
compose-unit-charactersandtitle = characters with the title
compose-unit-bytes = bytes
compose-unit-matrix = bytes of the message (beside pictures the text counts twice)
compose-unit-utf16 = characters (most emoji are 2)
compose-unit-telegram = characters (most emoji are 2; beside pictures there is room for 1,024)
compose-unit-sms = characters (an emoji counts 2)
compose-unit-instagram = characters (most emoji are 2)
compose-unit-threads = characters (an emoji counts by its bytes, often 4)
compose-unit-slack = characters as Slack counts them (most emoji are 2, & is 5, < and > are 4, a link is 2 more)
compose-unit-linkedin = characters as LinkedIn may count them (most emoji are 2, marks such as _ or ( are 2)
compose-unit-x = characters as X weighs them (Chinese, Japanese and Korean letters and emoji are 2, a link is 23)
compose-unit-discord = characters as Discord counts them (most emoji are 2, marks such as * are 2, a link is 2 more)
compose-empty = The text is empty.
compose-title-needed = A title is needed here: it is the subject or headline.
compose-alt-needed = Every picture needs words for those who cannot see it.
compose-sms = { $n ->
    [one] One message for each recipient.
   *[other] { $shown } messages for each recipient, which the phone puts together.
  }
compose-sms-letter = “{ $letter }” is beyond the alphabet of SMS: so 70 characters fit into one message instead of 160.
compose-thread-x = X may refuse the second part; then the first stands alone.
compose-pictures-many = { $n ->
    [one] This channel takes no picture.
   *[other] { $shown } pictures are too many for this channel.
  }
compose-text-over = { $n ->
    [one] The text is 1 character too long.
   *[other] The text is { $shown } characters too long.
  }
compose-title-over = { $n ->
    [one] The title is 1 character too long.
   *[other] The title is { $shown } characters too long.
  }
compose-bytes-over = { $n ->
    [one] The text is 1 byte too long.
   *[other] The text is { $shown } bytes too long.
  }
