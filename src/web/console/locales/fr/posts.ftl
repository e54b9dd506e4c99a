# Une publication.
postpage = Publication
postpage-waits = Elle attend une validation. Donnez ce lien à un valideur :
postpage-approval-link = { $n ->
    [one] le texte exact
   *[other] les textes exacts de { $shown } publications
  }
postpage-texts = Les textes exacts
postpage-facts = À son sujet
postpage-decisions = Décisions
postpage-decisions-see = voir qui a décidé quoi
postpage-edit = Modifier cette publication
postpage-edit-words = Modifier avec les nouveaux mots
postpage-move = Déplacer cette publication…
postpage-submit = Soumettre cette publication à validation
postpage-revise = Changer les mots
postpage-words-of = Elle a les mots de ce changement
postpage-words-kept = Pas les derniers mots validés :
postpage-revisions = Ses mots ont été changés par
postpage-correct = Rectifier cette publication
postpage-deliveries = Sur chaque canal
postpage-deliveries-none = Elle ne va sur aucun canal.
postpage-channel = Canal
postpage-state = État
postpage-when = Depuis ou à
postpage-attempts = Essais
postpage-pin = En tête
postpage-pinned = épinglée
postpage-not-pinned = pas épinglée
postpage-pin-do = L’épingler en tête
postpage-unpin-do = La détacher
postpage-pin-failed = { $name } : { $reason }
postpage-retract = Retirer
postpage-retract-hint = Ce que beaucoup ont lu doit être rectifié, pas seulement retiré. Un canal qui ne peut pas retirer une publication le dit.
postpage-cancel = Annuler
postpage-cancel-hint = Ce qui est en ligne le reste. Ce qui attend ne partira jamais.
postpage-cancel-word = annuler
postpage-cancel-wrong = Saisissez le mot exactement comme il est écrit.
postpage-type = Saisissez « { $word } »
postpage-cancel-do = { $n ->
    [one] Annuler { $shown } envoi
   *[other] Annuler { $shown } envois
  }
move-title = Une autre heure
move-now = Prévue pour le
move-at = Nouvelle heure
move-voids = Cette publication est validée. Une autre heure annule la validation ; il en faudra une nouvelle.
move-voids-do = Déplacer cette publication et annuler sa validation
move-do = Déplacer cette publication
move-when-needed = Donnez une heure.
move-held = { $n ->
    [one] { $shown } envoi est retenu. Il reçoit la nouvelle heure, et ses mots restent validés.
   *[other] { $shown } envois sont retenus. Ils reçoivent la nouvelle heure, et leurs mots restent validés.
  }
move-held-do = { $n ->
    [one] Déplacer { $shown } envoi retenu
   *[other] Déplacer { $shown } envois retenus
  }
postpage-due = Prévue pour le
postpage-promises = Promet le prochain point pour le
postpage-valid-until = Pas après le
postpage-recurrence = Répétition
postpage-labels = Étiquettes
